import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { registeredFds } from '@hatchery/linux';
import { expect, test } from 'vitest';
import { openChroot } from '../src/index.ts';
import { ChrootWatch } from '../src/watch/chroot-watch.ts';
import { hostilePool } from './hostile-pool.ts';
import { lineOf, linesUntil, watchedRoot } from './watched-root.ts';

/** Open inotify queues of this process, and the watches in them. */
function inotifyWatches(): number[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`) !== 'anon_inode:inotify') return [];
      return [
        readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')
          .split('\n')
          .filter((line) => line.startsWith('inotify')).length,
      ];
    } catch {
      return [];
    }
  });
}

function descriptors(): string[] {
  return readdirSync('/proc/self/fd');
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
}

test('the end of a loop lets go of queue, watches, descriptors and timers in the worker', async () => {
  // Red without the inotify.close() of #stop, and without the closeFd of the directory.
  const { at, watch, chroot } = await watchedRoot();
  for (const name of ['a', 'b', 'c']) mkdirSync(at(name));
  await chroot.exists('/');
  const before = [descriptors(), registeredFds(), timers()];
  for (let count = 0; count < 20; count++) {
    const changes = await watch('/', { recursive: true });
    // The root, and three below; nothing is above the root.
    expect(inotifyWatches()).toEqual([4]);
    writeFileSync(at(`a/${count}`), '');
    for await (const { path } of changes) {
      expect(path).toBe(`/a/${count}`);
      break;
    }
    expect(inotifyWatches()).toEqual([]);
    expect(await changes.next()).toEqual({ done: true, value: undefined });
  }
  expect([descriptors(), registeredFds(), timers()]).toEqual(before);
});

test('a signal rejects the next change with its reason, at once, and ends the watch', async () => {
  const { watch, chroot } = await watchedRoot();
  const abort = new AbortController();
  const changes = await watch('/', { signal: abort.signal });
  const next = changes.next();
  abort.abort(new Error('enough'));
  await expect(next).rejects.toThrow('enough');
  expect(await changes.next()).toEqual({ done: true, value: undefined });
  await changes.return();
  expect(inotifyWatches()).toEqual([]);
  const late = chroot.watch('/', { signal: abort.signal });
  await expect(late.ready).rejects.toThrow('enough');
  await expect(late.next()).rejects.toThrow('enough');
});

test('a closed chroot ends its watches with an error that says so, and nothing remains', async () => {
  const { at, pool } = await watchedRoot();
  const chroot = await openChroot(pool, at(''));
  const changes = chroot.watch('/', { recursive: true });
  await changes.ready;
  const next = changes.next();
  await chroot.close();
  await expect(next).rejects.toMatchObject({ name: 'PoolError', code: 'ERR_HANDLE_CLOSED' });
  await changes.return();
  expect(inotifyWatches()).toEqual([]);
  const late = chroot.watch('/');
  await expect(late.next()).rejects.toMatchObject({ code: 'ERR_HANDLE_CLOSED' });
});

test('a pool that closes ends its watches', async () => {
  const { pool, watch } = await watchedRoot();
  const changes = await watch('/', { recursive: true });
  const next = changes.next();
  await pool.close();
  await expect(next).rejects.toMatchObject({ name: 'PoolError', code: 'ERR_POOL_CLOSED' });
  expect(inotifyWatches()).toEqual([]);
});

test('a thread that dies tells its watch, which does not wait for ever', async () => {
  // Red without the listeners of Station.fail: the next change is waited for until the test is over.
  const handle = await hostilePool({ holderThreads: 1 }).hold('thing', 'a');
  const held = { onEnd: (listener: (error: Error) => void) => handle.onEnd(listener), close: () => handle.close() };
  const changes = new ChrootWatch(async () => held);
  await changes.ready;
  const next = changes.next();
  handle.call('exit', 1).catch(() => {});
  await expect(next).rejects.toMatchObject({ name: 'PoolError', code: 'ERR_WORKER_LOST' });
});

test('inv-41: one that is given up before it stands leaves nothing', async () => {
  const { at, chroot } = await watchedRoot();
  for (let count = 0; count < 200; count++) mkdirSync(at(`d${count}/x/y`), { recursive: true });
  const abort = new AbortController();
  const changes = chroot.watch('/', { recursive: true, signal: abort.signal });
  abort.abort(new Error('not wanted'));
  await expect(changes.ready).rejects.toThrow('not wanted');
  const returned = chroot.watch('/', { recursive: true });
  await Promise.all([changes.return(), returned.return()]);
  expect(inotifyWatches()).toEqual([]);
});

test('it begins at the call: what is written through the same chroot right after it is told', async () => {
  const { chroot, at } = await watchedRoot();
  mkdirSync(at('w'));
  const changes = chroot.watch('/w');
  await chroot.write('/w/file', 'content');
  const lines = [await changes.next(), await changes.next()].map(({ value }) => value && lineOf(value));
  expect(lines).toEqual(['create /w/file', 'write /w/file']);
  await changes.return();
});

test('several watches of one root are told each its own', async () => {
  const { at, watch } = await watchedRoot();
  for (const name of ['a', 'b']) mkdirSync(at(name));
  await using one = await watch('/a');
  await using two = await watch('/b');
  await using all = await watch('/', { recursive: true });
  for (const name of ['a/x', 'b/y']) mkdirSync(at(name));
  for (const name of ['a/end', 'b/end']) mkdirSync(at(name));
  expect(await linesUntil(one, '/a/end')).toEqual(['create /a/x']);
  expect(await linesUntil(two, '/b/end')).toEqual(['create /b/y']);
  expect(await linesUntil(all, '/b/end')).toEqual(['create /a/x', 'create /b/y', 'create /a/end']);
});
