import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';

const sources = join(import.meta.dirname, 'native');
const builds = join(import.meta.dirname, 'build');
const flags = ['-std=gnu11', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-Werror', '-static', '-pthread'];

/**
 * Path of the static prober `sp`, compiled from native/*.c unless these very sources were compiled before. Static,
 * because the images that it runs in hold no libc.
 */
export function buildProber(): string {
  const names = readdirSync(sources)
    .filter((name) => /\.[ch]$/.test(name))
    .toSorted();
  const hash = createHash('sha256').update(`${process.arch} ${flags.join(' ')}`);
  for (const name of names) hash.update(`\n${name}\n`).update(readFileSync(join(sources, name)));
  const prober = join(builds, `sp-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(prober)) return prober;
  mkdirSync(builds, { recursive: true });
  // Two test runs may compile at once: each its own file, and the last rename wins with the same bytes.
  const unfinished = `${prober}.${process.pid}`;
  const files = names.filter((name) => name.endsWith('.c')).map((name) => join(sources, name));
  execFileSync('cc', [...flags, '-o', unfinished, ...files], { stdio: ['ignore', 'inherit', 'inherit'] });
  renameSync(unfinished, prober);
  return prober;
}
