// usage: npm run stage -- DIRECTORY
//
// Puts the runner with all that it needs at run time, Node included, into a new directory: what deploy/ runs. It can be
// moved and copied to another machine of this architecture. An earlier one is never overwritten, because a server that runs
// from it loads parts of itself when they are asked for: give each version a directory of its own, and change a link.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pnpmCommand } from './pnpm-command.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Found through links, so that it can be called by one in PATH. One process: exec keeps the pid for who supervises it. */
const launcher = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here/node" "$here/hatchery.js" "$@"
`;

function refuse(sentence: string): never {
  console.error(`stage: ${sentence}`);
  process.exit(2);
}

async function deployInto(directory: string): Promise<void> {
  const [pnpm, ...words] = pnpmCommand();
  const child = spawn(
    pnpm,
    [...words, '--filter', '@hatchery/runner', 'deploy', '--prod', '--offline', '--reporter=append-only', directory],
    {
      cwd: root,
      stdio: ['ignore', 2, 2],
      // A link into the store would be a file that others who use the store can change.
      env: { ...process.env, pnpm_config_package_import_method: 'copy' },
    },
  );
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`pnpm deploy ended with ${code}; see above`);
}

const [given, ...others] = process.argv.slice(2);
if (given === undefined || others.length > 0) refuse('give one directory, as in npm run stage -- /opt/hatchery-1');
const directory = resolve(given);
if (existsSync(directory))
  refuse(`${directory} is there already; give a new one, or remove it when nothing runs from it`);

mkdirSync(dirname(directory), { recursive: true });
const unfinished = `${directory}.${process.pid}.unfinished`;
try {
  await deployInto(unfinished);
  symlinkSync(`../node_modules/node-linux-${process.arch}/bin/node`, join(unfinished, 'bin/node'));
  writeFileSync(join(unfinished, 'bin/hatchery'), launcher);
  chmodSync(join(unfinished, 'bin/hatchery'), 0o755);
  // What is copied to another machine brings its licence and its unit along.
  for (const file of ['LICENSE', 'deploy/hatchery.service'])
    copyFileSync(join(root, file), join(unfinished, basename(file)));
  chmodSync(unfinished, 0o755);
  renameSync(unfinished, directory);
} catch (error) {
  rmSync(unfinished, { recursive: true, force: true });
  refuse(error instanceof Error ? error.message : String(error));
}
console.log(directory);
