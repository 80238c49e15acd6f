// usage: node tools/generate-wire.ts [--check]
// Writes both codecs of the wire from packages/zygote-ipc/src/wire/messages.ts; with --check writes nothing and exits 1
// naming the files that are stale. The table of each version is kept in test/fixtures: a table that differs from the
// one kept for its version is refused, and so is one that says something else of an earlier version than was kept.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { wireVersion } from '../packages/zygote-ipc/src/wire/messages.ts';
import { cHeader } from './generate-wire/c-header.ts';
import { cSource } from './generate-wire/c-source.ts';
import { previousDifferences } from './generate-wire/check-previous.ts';
import { checkTable } from './generate-wire/check-table.ts';
import { fixture, fixturePath } from './generate-wire/fixture.ts';
import { typeScript } from './generate-wire/typescript.ts';
import { wrap } from './generate-wire/wrap.ts';

const folder = new URL('../packages/zygote-ipc/', import.meta.url);

function read(path: string): string | null {
  const url = new URL(path, folder);
  return existsSync(url) ? readFileSync(url, 'utf8') : null;
}

function main(check: boolean): number {
  checkTable();
  const path = fixturePath(wireVersion);
  const kept = read(path);
  const tableIsKept = kept !== null && isDeepStrictEqual(JSON.parse(kept), fixture());
  if (kept !== null && !tableIsKept) {
    console.error(
      `the table differs from packages/zygote-ipc/${path}: raise wireVersion in messages.ts; ` +
        `only while no release speaks version ${wireVersion}, delete that file and generate again`,
    );
    return 1;
  }
  const differences = previousDifferences(read);
  for (const difference of differences) console.error(difference);
  if (differences.length > 0) return 1;
  const files: readonly (readonly [path: string, text: string])[] = [
    ['native/wire/codec.generated.h', wrap(cHeader())],
    ['native/wire/codec.generated.c', wrap(cSource())],
    ['src/wire/codec.generated.ts', typeScript()],
    [path, tableIsKept ? kept : `${JSON.stringify(fixture(), null, 2)}\n`],
  ];
  const stale = files.filter(([file, text]) => read(file) !== text);
  if (check) {
    for (const [file] of stale) console.error(`packages/zygote-ipc/${file} is stale: run node tools/generate-wire.ts`);
    return stale.length > 0 ? 1 : 0;
  }
  mkdirSync(new URL('test/fixtures/', folder), { recursive: true });
  for (const [file, text] of stale) writeFileSync(new URL(file, folder), text);
  return 0;
}

process.exitCode = main(process.argv.includes('--check'));
