import { rawMember } from '../../packages/blocking-io/test/tar/raw-headers.ts';
import { holdsWatchOn } from './outside.ts';
import type { RacedFiles } from './raced-files.ts';

export const raceOperations = ['read', 'write', 'list', 'rename', 'remove', 'watch', 'archive', 'extract'] as const;
export type RaceOperation = (typeof raceOperations)[number];

/** One call; what it brought from outside, or null. What it does there is seen by a comparison afterwards. */
export type Attempt = (files: RacedFiles, outside: string) => Promise<string | null>;

/** Where `sp swap` works. */
export const arena = '/arena';
/** What the host's directory holds, and no file of the sandbox. */
export const hostContent = 'of the host';

/** Not normalised: what is asked for is what the kernel walks; at `..` it says EAGAIN while something is renamed. */
function each(
  paths: readonly string[],
  call: (files: RacedFiles, path: string, outside: string) => Promise<string | null>,
): Attempt[] {
  return paths.map((path) => (files, outside) => call(files, `${arena}/${path}`, outside));
}

async function readIt(files: RacedFiles, path: string): Promise<string | null> {
  const content = await files.read(path);
  return content.includes(hostContent) ? `read ${path}: ${content.toString('latin1')}` : null;
}

async function writeIt(files: RacedFiles, path: string): Promise<null> {
  await files.write(path, 'written');
  return null;
}

async function listIt(files: RacedFiles, path: string): Promise<string | null> {
  const names = await files.list(path);
  return names.includes('canary') ? `list ${path}: ${names.join(' ')}` : null;
}

async function removeIt(files: RacedFiles, path: string): Promise<null> {
  await files.remove(path);
  return null;
}

async function watchIt(files: RacedFiles, path: string, outside: string): Promise<string | null> {
  const watch = await files.watch(path);
  try {
    return holdsWatchOn(outside) ? `watch ${path}: it is the host's directory` : null;
  } finally {
    await watch.end();
  }
}

async function archiveIt(files: RacedFiles, path: string): Promise<string | null> {
  return (await files.archive(path)).includes(hostContent) ? `archive ${path}: it holds the host's file` : null;
}

/** Names that the attacker's directories, links and the host's directory have as well. */
const packed = Buffer.concat([
  ...['f', 'made', 'sub/g', 'd/f', 'u/f', 'x'].map((name) => rawMember({ name }, 'unpacked')),
  Buffer.alloc(1024),
]);

async function extractIt(files: RacedFiles, path: string): Promise<null> {
  await files.extract(path, packed);
  return null;
}

function renameIt(from: string, to: string): Attempt {
  return async (files) => {
    await files.rename(`${arena}/${from}`, `${arena}/${to}`);
    return null;
  };
}

/** Each operation by every way in which it could be led astray. */
export const attempts: Readonly<Record<RaceOperation, readonly Attempt[]>> = {
  read: each(['d/f', 'x', 't/u/f', 'd/sub/../f', 'd/../d/f'], readIt),
  write: each(['d/f', 'x', 't/u/f', 'd/new', 'd/sub/g', 'd/made/deep'], writeIt),
  list: each(['d', 't/u', 'd/sub/..', '.'], listIt),
  rename: [
    renameIt('d/a', 'd/b'),
    renameIt('d/b', 'd/a'),
    renameIt('x', 'd/moved'),
    renameIt('d/f', 'stolen'),
    renameIt('d/sub', 't/u/sub'),
    renameIt('t/u/sub', 'd/sub'),
  ],
  remove: each(['d/f', 'd/sub', 't', 'x', 'd', 't/u/f'], removeIt),
  watch: each(['d', 'd/sub', 't/u', '.'], watchIt),
  archive: each(['d', 'd/sub', 'd/f', 't', '.'], archiveIt),
  extract: each(['d', 'd/sub', 't/u', 't', '.'], extractIt),
};
