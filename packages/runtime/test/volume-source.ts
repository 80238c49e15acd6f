import { lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Place } from './use-runtime.ts';

/** A directory of the host with a file in it, for one test. */
export function makeSource({ directory }: Place): string {
  const source = join(directory, `source-${process.hrtime.bigint()}`);
  mkdirSync(join(source, 'sub'), { recursive: true });
  writeFileSync(join(source, 'file'), 'content');
  onTestFinished(() => rmSync(source, { recursive: true, force: true }));
  return source;
}

/** Names, kinds, owners, modes and contents of everything below a directory. */
export function contentOf(directory: string): unknown[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .toSorted()
    .map((name) => {
      const { mode, uid, gid, size, mtimeMs } = lstatSync(join(directory, name));
      return [name, mode, uid, gid, size, mtimeMs];
    });
}
