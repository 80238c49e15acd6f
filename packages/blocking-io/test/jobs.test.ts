import { closeFd, registeredFds } from '@hatchery/linux';
import { expect, test } from 'vitest';
import { hostilePool, makeGate } from './hostile-pool.ts';

test('jobs run as many at a time as there are threads, and the others wait in the order of their calls', async () => {
  const pool = hostilePool({ threads: 1 });
  const { gate, open, arrived } = makeGate();
  const runs = [0, 1, 2, 3].map((id) => pool.run('pass', { gate, id }));
  await arrived(1);
  expect(pool.stats()).toMatchObject({ threads: 1, running: 1, queued: 3 });
  open();
  expect((await Promise.all(runs)).at(-1)).toEqual([0, 1, 2, 3]);
  expect(pool.stats()).toMatchObject({ running: 0, queued: 0, wait: { count: 4 } });
});

test('no more threads are started than there are jobs at a time', async () => {
  const pool = hostilePool({ threads: 3 });
  for (let count = 0; count < 5; count += 1) await pool.run('echo', count);
  expect(pool.stats().threads).toBe(1);
  await Promise.all(Array.from({ length: 50 }, (_, index) => pool.run('echo', index)));
  expect(pool.stats().threads).toBe(3);
});

test('a job that comes before the threads started ahead are up waits for one of them, and none is started for it', async () => {
  // Red when the pool starts its first threads behind the back of `JobRunner`: there are two then.
  const pool = hostilePool({ threads: 3, minThreads: 1 });
  expect(await pool.run('echo', 0)).toBe(0);
  expect(pool.stats().threads).toBe(1);
});

test('a full queue refuses with a typed error, and what was given stays the caller’s', async () => {
  const pool = hostilePool({ threads: 1, maxQueue: 1 });
  const { gate, open } = makeGate();
  const runs = [0, 1].map((id) => pool.run('pass', { gate, id }));
  await expect(pool.run('echo', 2)).rejects.toMatchObject({
    code: 'ERR_POOL_QUEUE_FULL',
    step: 'echo',
    started: false,
  });
  open();
  await Promise.all(runs);
  expect(await pool.run('echo', 2)).toBe(2);
});

test('inv-41: an aborted job that waits never starts; one that runs is left to finish and its thread lives on', async () => {
  // Red when `Job.onAbort` does not call `drop`: the order then holds 1.
  const pool = hostilePool({ threads: 1 });
  const { gate, open, arrived } = makeGate();
  const [first, second] = [new AbortController(), new AbortController()];
  const running = pool.run('pass', { gate, id: 0 }, { signal: first.signal });
  const waiting = pool.run('pass', { gate, id: 1 }, { signal: second.signal });
  await arrived(1);
  first.abort(new Error('first'));
  second.abort(new Error('second'));
  await expect(running).rejects.toThrow('first');
  await expect(waiting).rejects.toThrow('second');
  expect(pool.stats()).toMatchObject({ running: 1, queued: 0 });
  open();
  expect(await pool.run('pass', { gate, id: 2 })).toEqual([0, 2]);
  expect(pool.stats()).toMatchObject({ lost: 0, abandoned: 0 });
  await expect(pool.run('echo', 0, { signal: AbortSignal.abort('early') })).rejects.toBe('early');
});

test('a descriptor that a job hands over is this thread’s; one whose caller has gone is closed', async () => {
  // Red when `JobRunner` does not discard: the second descriptor stays.
  const pool = hostilePool({ threads: 1 });
  const { gate, open, arrived } = makeGate();
  const before = registeredFds();
  const abort = new AbortController();
  const aborted = pool.run('lend', { gate }, { signal: abort.signal });
  const taken = pool.run('lend', { gate });
  await arrived(1);
  abort.abort(new Error('gone'));
  await expect(aborted).rejects.toThrow('gone');
  open();
  const { fd } = await taken;
  expect(registeredFds()).toEqual([...before, fd]);
  closeFd(fd);
});

test('an argument that cannot be cloned, an unknown job and impossible options are refused by name', async () => {
  const pool = hostilePool();
  const argument = { code: 'ERR_POOL_ARGUMENT', started: false };
  await expect(pool.run('echo', () => {})).rejects.toMatchObject(argument);
  await expect(pool.run('constructor' as 'echo', 0)).rejects.toThrow('there is no job "constructor"');
  await expect(pool.run('echo', 0, { timeoutMs: 0 })).rejects.toMatchObject(argument);
  await expect(pool.run('echo', 0, { signal: {} as AbortSignal })).rejects.toMatchObject(argument);
  expect(() => hostilePool({ threads: 0 })).toThrow('threads must be a whole number from 1 to 64, not 0');
  expect(() => hostilePool({ threads: 2, minThreads: 3 })).toThrow('minThreads');
});
