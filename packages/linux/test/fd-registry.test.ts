import { closeSync, fstatSync } from 'node:fs';
import { expect, test } from 'vitest';
import { adoptFd, bytesReadable, closeFd, LinuxError, makePipe, registeredFds, releaseFd } from '../src/index.ts';

test('a returned descriptor is registered until it is closed, and then really closed', () => {
  const before = registeredFds();
  const [readEnd, writeEnd] = makePipe();
  expect(registeredFds()).toEqual([...before, readEnd, writeEnd].toSorted((a, b) => a - b));
  closeFd(readEnd);
  closeFd(writeEnd);
  expect(registeredFds()).toEqual(before);
  expect(() => fstatSync(readEnd)).toThrow(/EBADF/);
});

test('closing a closed descriptor throws', () => {
  const [readEnd, writeEnd] = makePipe();
  closeFd(readEnd);
  expect(() => closeFd(readEnd)).toThrow(expect.objectContaining({ code: 'EBADF', syscall: 'close' }));
  closeFd(writeEnd);
});

test('a descriptor of somebody else is not closed', () => {
  expect(() => closeFd(0)).toThrow(LinuxError);
  expect(() => fstatSync(0)).not.toThrow();
});

test('a released descriptor stays open and is the new owner’s to close', () => {
  const [readEnd, writeEnd] = makePipe();
  expect(releaseFd(readEnd)).toBe(readEnd);
  expect(() => closeFd(readEnd)).toThrow(LinuxError);
  expect(() => fstatSync(readEnd)).not.toThrow();
  closeSync(readEnd);
  closeFd(writeEnd);
});

test('a released descriptor can be adopted, once', () => {
  const [readEnd, writeEnd] = makePipe();
  expect(() => adoptFd(readEnd)).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  releaseFd(readEnd);
  expect(adoptFd(readEnd)).toBe(readEnd);
  closeFd(readEnd);
  expect(() => adoptFd(readEnd)).toThrow(expect.objectContaining({ code: 'EBADF', syscall: 'fcntl' }));
  closeFd(writeEnd);
});

test.each([1.5, Number.NaN, -1, 2 ** 32 + 1])(
  'the number %d is refused, never rounded or wrapped to another descriptor',
  (fd) => {
    expect(() => bytesReadable(fd)).toThrow(TypeError);
  },
);
