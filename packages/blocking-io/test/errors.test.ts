import { LinuxError } from '@hatchery/linux';
import { expect, test } from 'vitest';
import { PoolError } from '../src/pool-error.ts';
import { hostilePool } from './hostile-pool.ts';

async function thrownBy(kind: string): Promise<Error & { readonly [field: string]: unknown }> {
  const pool = hostilePool();
  const handle = await pool.hold('thing', 'a');
  const thrown: unknown[] = [];
  await pool.run('fail', kind).catch((error: unknown) => thrown.push(error));
  await handle.call('fail', kind).catch((error: unknown) => thrown.push(error));
  await pool.hold('refused', kind).catch((error: unknown) => thrown.push(error));
  expect(thrown).toHaveLength(3);
  // The same way out of a job, a call and an opening.
  const [first] = thrown as (Error & { readonly [field: string]: unknown })[];
  for (const other of thrown as Error[]) {
    expect(other.constructor).toBe(first?.constructor);
    expect([other.message, Object.entries(other)]).toEqual([first?.message, Object.entries(first ?? {})]);
  }
  return first as NonNullable<typeof first>;
}

test('an error keeps its class, code, errno, fields and message, and tells where in the worker it was thrown', async () => {
  const error = await thrownBy('linux');
  expect(error).toBeInstanceOf(LinuxError);
  expect(error).toMatchObject({ code: 'EBUSY', errno: 16, syscall: 'umount2', detail: '"/mnt/a", 2' });
  expect(error.message).toBe(new LinuxError('umount2', 16, '"/mnt/a", 2').message);
  expect(error.stack).toContain('hostile.ts');
  expect(Object.prototype.toString.call(error)).toBe('[object Error]');
});

test('errors of Node and of the language keep theirs', async () => {
  expect(await thrownBy('/nonexistent')).toMatchObject({
    code: 'ENOENT',
    errno: -2,
    syscall: 'open',
    path: '/nonexistent',
  });
  expect(await thrownBy('type')).toBeInstanceOf(TypeError);
  const aggregate = (await thrownBy('aggregate')) as unknown as AggregateError;
  expect(aggregate).toBeInstanceOf(AggregateError);
  expect(aggregate.errors).toEqual([new RangeError('a'), 7]);
});

test('an error of a class that this side does not know keeps name, fields and cause', async () => {
  const error = await thrownBy('own');
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name: 'OwnError', code: 'ERR_OWN', step: 'third', message: 'own message' });
  expect(error.cause).toBeInstanceOf(LinuxError);
  expect(error.cause).toMatchObject({ code: 'ENOTEMPTY' });
});

test('a circle of causes and a field that cannot be cloned cost the rest of the error nothing', async () => {
  expect((await thrownBy('circle')).message).toBe('circle');
  const error = await thrownBy('uncloneable');
  expect(error).toMatchObject({ code: 'ERR_F', message: 'has a function' });
  expect(error.run).toBeUndefined();
});

test('a PoolError from the worker is one here', async () => {
  const pool = hostilePool();
  await expect(pool.run('nothing' as 'echo', 0)).rejects.toBeInstanceOf(PoolError);
});
