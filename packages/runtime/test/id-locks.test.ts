import { expect, test } from 'vitest';
import { IdLocks } from '../src/sandbox/id-locks.ts';

test('a free lock is taken at once, in the caller’s turn', async () => {
  const locks = new IdLocks();
  let ran = false;
  const done = locks.run('a', async () => {
    ran = true;
  });
  expect(ran).toBe(true);
  expect(locks.isLocked('a')).toBe(true);
  await done;
  expect(locks.isLocked('a')).toBe(false);
});

// Mutation: run() without the wait for `before`.
test('inv-35: whoever comes second acts on what the first has left, in the order they came', async () => {
  const locks = new IdLocks();
  const seen: string[] = [];
  const first = Promise.withResolvers<void>();
  const one = locks.run('a', async () => {
    seen.push('one begins');
    await first.promise;
    seen.push('one ends');
  });
  const two = locks.run('a', async () => void seen.push('two'));
  const three = locks.run('a', async () => void seen.push('three'));
  const other = locks.run('b', async () => void seen.push('other'));
  await other;
  expect(seen).toEqual(['one begins', 'other']);
  first.resolve();
  await Promise.all([one, two, three]);
  expect(seen).toEqual(['one begins', 'other', 'one ends', 'two', 'three']);
});

test('one that fails fails its caller alone', async () => {
  const locks = new IdLocks();
  const failing = locks.run('a', () => Promise.reject(new Error('first')));
  const next = locks.run('a', async () => 'second');
  await expect(failing).rejects.toThrow('first');
  expect(await next).toBe('second');
  expect(locks.isLocked('a')).toBe(false);
});
