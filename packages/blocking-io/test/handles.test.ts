import { expect, test } from 'vitest';
import { hostilePool } from './hostile-pool.ts';

test('handles spread over the holder threads, which jobs do not use', async () => {
  const pool = hostilePool({ threads: 1, holderThreads: 2 });
  const handles = await Promise.all(['a', 'b', 'c', 'd'].map((name) => pool.hold('thing', name)));
  expect(pool.stats()).toMatchObject({ threads: 2, handles: 4 });
  await pool.run('echo', 1);
  expect(pool.stats().threads).toBe(3);
  await Promise.all(handles.map((handle) => handle.close()));
  expect(pool.stats().handles).toBe(0);
});

test('closing is idempotent, and a call after it fails with a typed error', async () => {
  const pool = hostilePool({ holderThreads: 1 });
  const witness = await pool.hold('closed', null);
  const handle = await pool.hold('thing', 'a');
  await Promise.all([handle.close(), handle.close()]);
  await handle.close();
  expect(await witness.call('names', null)).toEqual(['a']);
  await expect(handle.call('echo', 1)).rejects.toMatchObject({ code: 'ERR_HANDLE_CLOSED', started: false });
});

test('inv-41: an opening that is aborted rejects at once, and what it opens after all is closed once', async () => {
  // Red when `hold` does not close what opened late: the witness then sees nothing.
  const pool = hostilePool({ holderThreads: 1 });
  const witness = await pool.hold('closed', null);
  const abort = new AbortController();
  const opening = pool.hold('thing', 'late', { signal: abort.signal });
  // Sent, as everything before the first answer is.
  await Promise.resolve();
  abort.abort(new Error('not wanted'));
  await expect(opening).rejects.toThrow('not wanted');
  await expect.poll(() => witness.call('names', null)).toEqual(['late']);
  expect(pool.stats().handles).toBe(1);
});

test('a handle that fails to close says so, and its thread is free all the same', async () => {
  const pool = hostilePool({ holderThreads: 1 });
  const handle = await pool.hold('thing', 'unclosable');
  await expect(handle.close()).rejects.toThrow('it stays open');
  await using next = await pool.hold('thing', 'next');
  expect(await next.call('echo', 1)).toBe(1);
});

test('only the methods of a handle can be called', async () => {
  const pool = hostilePool();
  const handle = await pool.hold('thing', 'a');
  for (const name of ['close', 'constructor', 'nothing'])
    await expect(handle.call(name as 'echo', 1)).rejects.toMatchObject({ code: 'ERR_POOL_ARGUMENT' });
  await expect(handle.call('echo', () => {})).rejects.toMatchObject({ name: 'DataCloneError' });
  await expect(pool.hold('toString' as 'thing', 'a')).rejects.toMatchObject({ code: 'ERR_POOL_ARGUMENT' });
});
