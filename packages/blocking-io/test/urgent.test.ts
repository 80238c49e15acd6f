import { expect, test, vi } from 'vitest';
import { PoolError } from '../src/pool-error.ts';
import { Threads } from '../src/threads.ts';
import { hostilePool, makeFifo, makeGate } from './hostile-pool.ts';

// Mutations seen red: no job is urgent by `#isUrgent()`; `#lanesFor()` of an ordinary job has the reserve, too: the third `pass` takes it.
test('inv-33: an urgent job begins while others hold every thread and more wait, and these begin no sooner by it', async () => {
  const pool = hostilePool({ threads: 2, minThreads: 1 }, 'echo');
  const { gate, open, arrived } = makeGate();
  const held = [0, 1, 2, 3].map((id) => pool.run('pass', { gate, id }));
  await arrived(2);
  expect(await Promise.all([1, 2, 3].map((value) => pool.run('echo', value)))).toEqual([1, 2, 3]);
  expect(pool.stats()).toMatchObject({ threads: 3, running: 2, queued: 2 });
  open();
  await Promise.all(held);
});

// Mutation seen red: the reserve serves every job.
test('inv-33: an urgent job begins while handles hang, and jobs hang whose threads nothing may replace', async () => {
  const pool = hostilePool({ threads: 1, minThreads: 1, holderThreads: 1, maxAbandoned: 0 }, 'echo');
  const fifo = makeFifo();
  const handle = await pool.hold('thing', 'hangs');
  const hanging = { code: 'ERR_JOB_STUCK' };
  const opened = { path: fifo.path };
  await expect(handle.call('openFifo', opened, { timeoutMs: 50 })).rejects.toMatchObject(hanging);
  await expect(pool.run('openFifo', opened, { timeoutMs: 50 })).rejects.toMatchObject(hanging);
  await expect(pool.run('fail', 'own')).rejects.toMatchObject({ code: 'ERR_POOL_EXHAUSTED' });
  expect(await pool.run('echo', 'goes on')).toBe('goes on');
  fifo.open();
});

// Mutation seen red: `startAhead()` starts none for the reserve.
test('the thread for urgent jobs is started with the pool, and not by the first of them', async () => {
  const pool = hostilePool({ threads: 1, minThreads: 1 }, 'echo');
  expect(pool.stats().threads).toBe(2);
  const { gate, open, arrived } = makeGate();
  const held = pool.run('pass', { gate, id: 0 });
  await arrived(1);
  expect(await pool.run('echo', 'there')).toBe('there');
  expect(pool.stats().threads).toBe(2);
  open();
  await held;
});

// Mutation seen red: all that wait count for it.
test('inv-33: an urgent job is not refused where ordinary ones fill the queue', async () => {
  const pool = hostilePool({ threads: 1, minThreads: 1, maxQueue: 1 }, 'echo');
  const { gate, open, arrived } = makeGate();
  const held = [0, 1].map((id) => pool.run('pass', { gate, id }));
  await arrived(1);
  await expect(pool.run('pass', { gate, id: 2 })).rejects.toMatchObject({ code: 'ERR_POOL_QUEUE_FULL' });
  expect(await Promise.all([1, 2].map((value) => pool.run('echo', value)))).toEqual([1, 2]);
  open();
  await Promise.all(held);
});

// Mutation seen red: isDeserted() takes those that hang for ones that will end.
test('an urgent job is refused by name when every thread hangs and none can be started for it', async () => {
  const pool = hostilePool({ threads: 1, minThreads: 1, maxAbandoned: 0 }, 'exit');
  const fifo = makeFifo();
  const hanging = pool.run('openFifo', { path: fifo.path }, { timeoutMs: 50 });
  await expect(hanging).rejects.toMatchObject({ code: 'ERR_JOB_STUCK' });
  await expect(pool.run('exit', 1)).rejects.toMatchObject({ code: 'ERR_WORKER_LOST', started: true });
  const lost = new PoolError({ code: 'ERR_WORKER_LOST', step: 'exit', text: 'no thread can be had' });
  vi.spyOn(Threads.prototype, 'startOne').mockRejectedValue(lost);
  vi.spyOn(Threads.prototype, 'idle', 'get').mockReturnValue(false);
  try {
    await expect(pool.run('exit', 1)).rejects.toBe(lost);
  } finally {
    vi.restoreAllMocks();
  }
  fifo.open();
});

// Mutation seen red: an urgent job waits for the reserve alone.
test('urgent jobs are served by every thread: one that takes its time holds up no other', async () => {
  const pool = hostilePool({ threads: 1, minThreads: 1 }, 'pass');
  const { gate, open, arrived } = makeGate();
  const both = [0, 1].map((id) => pool.run('pass', { gate, id }));
  await arrived(2);
  open();
  await Promise.all(both);
});
