import { expect, test } from 'vitest';
import { hostilePool, makeFifo, until } from './hostile-pool.ts';

test('inv-29: a job that hangs in a system call delays no other: its thread is replaced, told and counted', async () => {
  // Red when `Threads.giveUp` returns true without `#end`: with one thread the echo waits for ever.
  const pool = hostilePool({ threads: 1, stuckAfterMs: 60_000 });
  const fifo = makeFifo();
  const stuck = pool.run('openFifo', { path: fifo.path }, { timeoutMs: 50 });
  const echo = pool.run('echo', 'on time');
  await expect(stuck).rejects.toMatchObject({ code: 'ERR_JOB_STUCK', step: 'openFifo', started: true });
  expect(await echo).toBe('on time');
  expect(pool.stats()).toMatchObject({ threads: 1, running: 0, stuck: 1, replaced: 1, abandoned: 1, lost: 0 });
  expect(pool.log.filter(({ level }) => level === 'error')).toMatchObject([
    { context: { step: 'openFifo', timeoutMs: 50, replaced: true, abandoned: 1 } },
  ]);
  fifo.open();
  await until(() => pool.stats().abandoned === 0);
  expect(pool.log.at(-1)).toMatchObject({ level: 'info', message: 'a thread that was given up has ended' });
});

test('a job that spins is ended, not only abandoned', async () => {
  const pool = hostilePool({ threads: 1 });
  await expect(pool.run('spin', null, { timeoutMs: 50 })).rejects.toMatchObject({
    code: 'ERR_JOB_STUCK',
  });
  await until(() => pool.stats().abandoned === 0);
  expect(await pool.run('echo', 1)).toBe(1);
});

test('abandoned threads are capped: beyond that a stuck job keeps its thread, and a pool without any says so', async () => {
  const pool = hostilePool({ threads: 2, maxAbandoned: 1 });
  const fifo = makeFifo();
  const runs = [0, 1, 2].map(() => pool.run('openFifo', { path: fifo.path }, { timeoutMs: 100 }));
  const exhausted = { code: 'ERR_POOL_EXHAUSTED', started: false };
  const waiting = expect(pool.run('echo', 'waits')).rejects.toMatchObject(exhausted);
  for (const run of runs) await expect(run).rejects.toMatchObject({ code: 'ERR_JOB_STUCK' });
  expect(pool.stats()).toMatchObject({ threads: 2, running: 2, stuck: 3, replaced: 1, abandoned: 1 });
  await waiting;
  await expect(pool.run('echo', 1)).rejects.toMatchObject(exhausted);
  fifo.open();
  await until(() => pool.stats().running === 0);
  expect(await pool.run('echo', 1)).toBe(1);
});

test('jobs that wait when the last thread hangs are refused instead of left waiting', async () => {
  const pool = hostilePool({ threads: 1, maxAbandoned: 0 });
  const fifo = makeFifo();
  const stuck = pool.run('openFifo', { path: fifo.path }, { timeoutMs: 50 });
  const waiting = pool.run('echo', 1);
  await expect(waiting).rejects.toMatchObject({ code: 'ERR_POOL_EXHAUSTED', started: false });
  await expect(stuck).rejects.toMatchObject({ code: 'ERR_JOB_STUCK' });
});

test('a call of a handle that hangs takes its thread along, and the other thread’s handles live on', async () => {
  const pool = hostilePool({ holderThreads: 2 });
  const fifo = makeFifo();
  const [left, right] = [await pool.hold('thing', 'left'), await pool.hold('thing', 'right')];
  const leftToo = await pool.hold('thing', 'left too');
  const stuck = left.call('openFifo', { path: fifo.path }, { timeoutMs: 100 });
  const behind = leftToo.call('echo', 1);
  await expect(stuck).rejects.toMatchObject({ code: 'ERR_JOB_STUCK', step: 'openFifo' });
  await expect(behind).rejects.toMatchObject({ code: 'ERR_WORKER_LOST', cause: { code: 'ERR_JOB_STUCK' } });
  await expect(left.call('echo', 1)).rejects.toMatchObject({ code: 'ERR_WORKER_LOST' });
  expect([left.closed, leftToo.closed, right.closed]).toEqual([true, true, false]);
  expect(await right.call('echo', 'alive')).toBe('alive');
  await left.close();
  expect(pool.stats()).toMatchObject({ handles: 1, abandoned: 1, replaced: 1 });
  const again = await pool.hold('thing', 'again');
  expect(await again.call('echo', 2)).toBe(2);
});

test('handles whose threads all hang are refused by name once no more threads may be abandoned', async () => {
  const pool = hostilePool({ holderThreads: 1, maxAbandoned: 0 });
  const fifo = makeFifo();
  const handle = await pool.hold('thing', 'a');
  await expect(handle.call('openFifo', { path: fifo.path }, { timeoutMs: 50 })).rejects.toMatchObject({
    code: 'ERR_JOB_STUCK',
  });
  await expect(pool.hold('thing', 'b')).rejects.toMatchObject({ code: 'ERR_POOL_EXHAUSTED' });
  expect(await pool.run('echo', 'jobs go on')).toBe('jobs go on');
});
