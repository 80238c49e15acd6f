import { readSync, writeSync } from 'node:fs';
import { expect, test } from 'vitest';
import { closeFd, createEventFd, registeredFds, watchReadable } from '../src/index.ts';

test('a raised counter is an event; a read takes the count, and a second one is answered instead of waiting', async () => {
  const fd = createEventFd();
  const raised = new Promise<void>((resolve) => watchReadable(fd, resolve));
  const one = Buffer.alloc(8);
  one.writeBigUInt64LE(1n);
  writeSync(fd, one);
  writeSync(fd, one);
  await raised;
  const count = Buffer.alloc(8);
  expect(readSync(fd, count)).toBe(8);
  expect(count.readBigUInt64LE()).toBe(2n);
  expect(() => readSync(fd, count)).toThrow(expect.objectContaining({ code: 'EAGAIN' }));
  expect(registeredFds()).toContain(fd);
  closeFd(fd);
});
