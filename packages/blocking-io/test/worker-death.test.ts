import { expect, test } from 'vitest';
import { WorkerPool } from '../src/worker-pool.ts';
import { hostilePool, makeGate } from './hostile-pool.ts';

test.each(['exit', 'crash'] as const)(
  'a worker that dies by %s ends its job with a typed error; the others run',
  async (how) => {
    const pool = hostilePool({ threads: 2 });
    const { gate, open, arrived } = makeGate();
    const other = pool.run('pass', { gate, id: 0 });
    await arrived(1);
    const dying = how === 'exit' ? pool.run('exit', 3) : pool.run('crash', null);
    await expect(dying).rejects.toMatchObject({ code: 'ERR_WORKER_LOST', step: how, started: true });
    open();
    expect(await other).toEqual([0]);
    expect(await pool.run('echo', 1)).toBe(1);
    expect(pool.stats()).toMatchObject({ lost: 1, stuck: 0, abandoned: 0 });
  },
);

test('every call of every handle of a thread that dies is rejected, and its handles are closed', async () => {
  // Red when `Station` does not fail on the end of its task: Comlink waits for ever.
  const pool = hostilePool({ holderThreads: 1 });
  const handles = [await pool.hold('thing', 'a'), await pool.hold('thing', 'b')];
  const calls = [
    handles[0]?.call('exit', 1),
    ...handles.map((handle) => handle.call('echo', 1)),
    pool.hold('thing', 'c'),
  ];
  for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'ERR_WORKER_LOST', started: true });
  for (const handle of handles) {
    expect(handle.closed).toBe(true);
    await expect(handle.call('echo', 1)).rejects.toMatchObject({ code: 'ERR_WORKER_LOST' });
    await handle.close();
  }
  expect(pool.stats()).toMatchObject({ handles: 0, lost: 1 });
  await using next = await pool.hold('thing', 'd');
  expect(await next.call('echo', 1)).toBe(1);
});

test('a worker that cannot start fails its jobs instead of leaving them', async () => {
  const pool = new WorkerPool<{ readonly a: (none: null) => void }, object>(
    new URL('workers/missing.ts', import.meta.url),
    {},
  );
  await expect(pool.run('a', null)).rejects.toMatchObject({ code: 'ERR_WORKER_LOST', started: false });
  await expect(pool.run('a', null)).rejects.toThrow('no worker thread can be started');
  await pool.close();
});
