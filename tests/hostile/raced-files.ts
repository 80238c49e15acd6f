import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { Sandbox } from '@hatchery/runtime';

// libuv keeps the one descriptor of all its watches: it is there before a test counts descriptors.
watch(import.meta.dirname).close();

/** The calls of a files API that are raced. */
export interface RacedFiles {
  read(path: string): Promise<Buffer>;
  write(path: string, data: string): Promise<unknown>;
  /** Names, two levels deep. */
  list(path: string): Promise<string[]>;
  rename(from: string, to: string): Promise<unknown>;
  remove(path: string): Promise<unknown>;
  /** As a tar archive. */
  archive(path: string): Promise<Buffer>;
  extract(path: string, archive: Buffer): Promise<unknown>;
  /** Resolves once it stands. */
  watch(path: string): Promise<{ readonly end: () => Promise<void> }>;
  /** How an error is counted. */
  errorName(error: unknown): string;
}

/** What is under test. */
export function filesOf({ files }: Sandbox): RacedFiles {
  return {
    read: (path) => files.read(path),
    write: (path, data) => files.write(path, data),
    list: async (path) => (await files.list(path, { depth: 2 })).map(({ name }) => name),
    rename: (from, to) => files.rename(from, to),
    remove: (path) => files.remove(path),
    archive: async (path) => Buffer.concat((await files.archive(path).toArray()) as Buffer[]),
    extract: (path, archive) => files.extract(path, Readable.from([archive])),
    watch: async (path) => {
      const changes = files.watch(path, { recursive: true });
      await changes.ready;
      return { end: async () => void (await changes.return?.()) };
    },
    errorName: (error) => String((error as { code?: unknown }).code ?? error),
  };
}

/**
 * The control: what is usually written, a path below the root of one of the sandbox's processes, looked at before it is
 * used.
 */
export function naiveFiles(pid: number): RacedFiles {
  const at = (path: string): string => `/proc/${pid}/root${path}`;
  return {
    read: (path) => readFile(at(path)),
    write: (path, data) => writeFile(at(path), data),
    list: (path) => readdir(at(path)),
    rename: (from, to) => rename(at(from), at(to)),
    remove: (path) => rm(at(path), { recursive: true, force: true }),
    archive: (path) => tar(['-c', '.'], at(path), Buffer.alloc(0)),
    extract: (path, archive) => tar(['-x'], at(path), archive),
    watch: async (path) => {
      await stat(at(path));
      const watcher = watch(at(path));
      watcher.on('error', () => {});
      return { end: async () => watcher.close() };
    },
    errorName: (error) => String((error as NodeJS.ErrnoException).code),
  };
}

async function tar(words: readonly string[], directory: string, input: Buffer): Promise<Buffer> {
  const program = spawn('tar', ['-C', directory, '-f', '-', ...words], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  program.stdin.on('error', () => {}).end(input);
  const output = program.stdout.toArray();
  await once(program, 'close');
  return Buffer.concat((await output) as Buffer[]);
}
