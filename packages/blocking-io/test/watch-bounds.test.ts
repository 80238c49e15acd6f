import { mkdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { createSharedChannel } from '@hatchery/event-queue';
import { closeFd, currentDirectory, OpenFlag, openat2 } from '@hatchery/linux';
import { expect, onTestFinished, test } from 'vitest';
import { ChrootPath } from '../src/chroot/chroot-path.ts';
import type { ChrootWatch } from '../src/index.ts';
import { DirectoryWatch } from '../src/watch/directory-watch.ts';
import { changeFromMessage } from '../src/watch/watch-change.ts';
import { WatchOutlet } from '../src/watch/watch-outlet.ts';
import { openWatchTarget } from '../src/watch/watch-target.ts';
import { lineOf, linesUntil, watchedRoot } from './watched-root.ts';

/** Resident memory of this process, all of its threads included, in MiB. */
function residentMiB(): number {
  return Number(/VmRSS:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
}

/** Reads up to the next overflow; how many changes came before it. */
async function countToOverflow(changes: ChrootWatch): Promise<{ count: number; path: string }> {
  for (let count = 0; ; count++) {
    const { value } = await changes.next();
    if (value === undefined) throw new Error('the watch ended');
    if (value.type === 'overflow') return { count, path: value.path };
  }
}

/** Makes directories until one is told, which is when nothing overflows any more. */
async function settle(changes: ChrootWatch, at: (path: string) => string): Promise<void> {
  for (let round = 0; ; round++) {
    mkdirSync(at(`settled${round}`));
    for (;;) {
      const { value } = await changes.next();
      if (value?.path === `/settled${round}`) return;
      if (value?.type === 'overflow') break;
    }
  }
}

test('100,000 events that nobody reads end in an overflow and bounded memory, and after it all is told again', async () => {
  // Red when a change that finds the channel full is sent by send(): there is no overflow, and all of them are kept.
  const { at, watch } = await watchedRoot();
  await using changes = await watch('/', { recursive: true });
  const before = residentMiB();
  let most = 0;
  for (let round = 0; round < 50; round++) {
    mkdirSync(at(`d${round}`));
    for (let count = 0; count < 1000; count++) {
      mkdirSync(at(`d${round}/${'n'.repeat(100)}${count}`));
      rmdirSync(at(`d${round}/${'n'.repeat(100)}${count}`));
    }
    most = Math.max(most, residentMiB());
  }
  expect(most - before).toBeLessThan(150);
  const { count, path } = await countToOverflow(changes);
  expect(path).toBe('/');
  // No more than a ring of 1 MiB holds, of messages of 150 bytes.
  expect(count).toBeLessThan(8000);
  await settle(changes, at);
  writeFileSync(at('d49/last'), '');
  mkdirSync(at('end'));
  expect(await linesUntil(changes, '/end')).toContain('create /d49/last');
}, 120_000);

test('when the kernel has dropped events, every directory is watched, where it is, before the overflow is told', async () => {
  // Red without the renewal in #renew: what is made in `late` and in `moved` is not told, or under the old name.
  const { at } = await watchedRoot();
  mkdirSync(at('old'));
  const root = openat2(currentDirectory, at(''), { flags: OpenFlag.O_PATH });
  const { sender, receiver } = createSharedChannel({ capacityBytes: 8 * 2 ** 20 });
  const target = openWatchTarget(root, ChrootPath.parse('/'));
  const outlet = new WatchOutlet(sender, target.base);
  // In this thread, which reads nothing while the queue of the kernel runs full.
  const watch = new DirectoryWatch({ target, recursive: true, maxDirectories: 100, outlet });
  onTestFinished(() => {
    watch.close();
    closeFd(root);
  });
  await watch.start(root);
  const limit = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
  for (let count = 0; count < limit; count++) {
    mkdirSync(at('x'));
    rmdirSync(at('x'));
  }
  mkdirSync(at('late'));
  renameSync(at('old'), at('moved'));
  const lines: string[] = [];
  const read = (): Promise<number> =>
    receiver.drainWait((message) => void lines.push(lineOf(changeFromMessage(message))), { max: 1 });
  while (lines.at(-1) !== 'overflow /') await read();
  lines.length = 0;
  for (const name of ['late', 'moved']) mkdirSync(at(`${name}/new`));
  while (lines.length < 2) await read();
  expect(lines).toEqual(['create /late/new', 'create /moved/new']);
}, 60_000);

test('too many directories are refused at first with ENOSPC, and later told as an overflow of what is not watched', async () => {
  const { at, watch } = await watchedRoot();
  for (const name of ['a', 'b', 'c']) mkdirSync(at(name));
  await expect(watch('/', { recursive: true, maxDirectories: 3 })).rejects.toMatchObject({
    name: 'LinuxError',
    code: 'ENOSPC',
    syscall: 'inotify_add_watch',
  });
  await using changes = await watch('/', { recursive: true, maxDirectories: 4 });
  mkdirSync(at('d'));
  writeFileSync(at('d/unseen'), '');
  mkdirSync(at('end'));
  expect(await linesUntil(changes, '/end')).toEqual(['create /d', 'overflow /d']);
  rmdirSync(at('a'));
  rmdirSync(at('end'));
  mkdirSync(at('e'));
  mkdirSync(at('e/seen'));
  mkdirSync(at('last'));
  expect(await linesUntil(changes, '/last')).toContain('create /e/seen');
  await expect(watch('/', { maxDirectories: 0 })).rejects.toMatchObject({ code: 'ERR_FILE_ARGUMENT' });
});
