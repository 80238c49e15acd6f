import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const archive = join(import.meta.dirname, `fixtures/previous-build-linux-${process.arch}.tar.gz`);

/** Null where the tests with it can run. */
export const noPreviousBuild: string | null = existsSync(archive)
  ? null
  : `the build before this one was kept for x64 only, this machine is ${process.arch}`;

export interface PreviousBuild {
  /** Its runtime's entry. */
  readonly runtime: string;
  readonly commit: string;
}

/** Unpacks the build that `tools/keep-build.ts` kept into a new directory. */
export function unpackPreviousBuild(directory: string): PreviousBuild {
  mkdirSync(directory);
  execFileSync('tar', ['-x', '-f', archive, '-C', directory]);
  const { commit } = JSON.parse(readFileSync(join(directory, 'kept.json'), 'utf8')) as { commit: string };
  return { runtime: join(directory, 'dist/index.js'), commit };
}
