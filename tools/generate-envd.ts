// usage: node tools/generate-envd.ts [--check]
// Writes the TypeScript of each .proto in apps/runner/src/e2b/envd/protocol/ beside it, by buf and protoc-gen-es; with --check writes
// nothing and exits 1 naming the files that are stale.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'apps/runner/src/e2b/envd/protocol');
const bin = join(root, 'node_modules/.bin');

/** What buf is to do; enums come as objects, because the sources run with their types stripped. */
function template(out: string): string {
  const opt = ['target=ts', 'import_extension=ts', 'erasable_syntax=true'];
  return JSON.stringify({ version: 'v2', plugins: [{ local: join(bin, 'protoc-gen-es'), out, opt }] });
}

/** By the name of the .proto, without it. */
function generate(): Map<string, string> {
  const out = mkdtempSync(join(tmpdir(), 'hatchery-generate-'));
  try {
    execFileSync(join(bin, 'buf'), ['generate', folder, '--template', template(out)], { stdio: 'inherit' });
    const suffix = '_pb.ts';
    const made = readdirSync(out).filter((name) => name.endsWith(suffix));
    return new Map(made.map((name) => [name.slice(0, -suffix.length), readFileSync(join(out, name), 'utf8')]));
  } finally {
    rmSync(out, { recursive: true });
  }
}

function main(check: boolean): number {
  const stale = [...generate()].filter(([name, text]) => {
    const path = join(folder, `${name}.generated.ts`);
    return !existsSync(path) || readFileSync(path, 'utf8') !== text;
  });
  for (const [name, text] of stale) {
    if (check) console.error(`${folder}/${name}.generated.ts is stale: run node tools/generate-envd.ts`);
    else writeFileSync(join(folder, `${name}.generated.ts`), text);
  }
  return check && stale.length > 0 ? 1 : 0;
}

process.exitCode = main(process.argv.includes('--check'));
