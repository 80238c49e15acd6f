import { expect, test } from 'vitest';
import { hostilePool, makeGate } from './hostile-pool.ts';

// Mutation: WITH_THE_THREAD = 1000.
test('inv-29: a handle with a hundred calls keeps its neighbour on that thread waiting for two of them', async () => {
  const pool = hostilePool({ holderThreads: 1 });
  const [crowd, neighbour] = [await pool.hold('thing', 'crowd'), await pool.hold('thing', 'neighbour')];
  const gate = makeGate();
  const calls = Array.from({ length: 100 }, (_, id) => crowd.call('pass', { gate: gate.gate, id }));
  await gate.arrived(1);
  const passing = neighbour.call('pass', { gate: gate.gate, id: 100 });
  gate.open();
  expect(await passing).toEqual([0, 1, 100]);
  expect((await Promise.all(calls)).at(-1)).toEqual([0, 1, 100, ...Array.from({ length: 98 }, (_, id) => id + 2)]);
});

// Mutation: the deadline of a call begins when it is sent.
test('a long queue of calls that each end in time is not taken for a thread that hangs', async () => {
  const pool = hostilePool({ holderThreads: 1, stuckAfterMs: 1000 });
  const crowds = await Promise.all(Array.from({ length: 20 }, (_, at) => pool.hold('thing', String(at))));
  const neighbour = await pool.hold('thing', 'neighbour');
  const calls = crowds.map((crowd) => crowd.call('busy', 100));
  expect(await neighbour.call('echo', 1)).toBe(1);
  await Promise.all(calls);
  expect(pool.stats()).toMatchObject({ stuck: 0, abandoned: 0, handles: 21 });
});

test('inv-41: a call that is aborted, or whose handle is closed, while it waits for its turn never begins', async () => {
  const pool = hostilePool({ holderThreads: 1, maxQueue: 2 });
  const handle = await pool.hold('thing', 'a');
  const neighbour = await pool.hold('thing', 'b');
  const gate = makeGate();
  const pass = (id: number, signal?: AbortSignal) => handle.call('pass', { gate: gate.gate, id }, { signal });
  const running = [pass(0), pass(1)];
  const abort = new AbortController();
  const aborted = pass(2, abort.signal);
  abort.abort(new Error('not wanted'));
  await expect(aborted).rejects.toThrow('not wanted');
  const waiting = pass(3);
  await expect(pass(4)).rejects.toMatchObject({ code: 'ERR_POOL_QUEUE_FULL', started: false });
  const closing = handle.close();
  const refused = expect(waiting).rejects.toMatchObject({ code: 'ERR_HANDLE_CLOSED', started: false });
  gate.open();
  await Promise.all([...running, closing, refused]);
  expect((await neighbour.call('pass', { gate: gate.gate, id: 5 })).slice(-3)).toEqual([0, 1, 5]);
});
