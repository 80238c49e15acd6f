import { expect, test } from 'vitest';
import { currentDirectory, LinuxError, OpenFlag, openat2 } from '../src/index.ts';

test('a failed call says which call, with what, and how it failed', () => {
  let caught: unknown;
  try {
    openat2(currentDirectory, '/nowhere/a', { flags: OpenFlag.O_RDONLY });
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(LinuxError);
  expect(caught).toMatchObject({
    code: 'ENOENT',
    errno: 2,
    syscall: 'openat2',
    detail: '-100, "/nowhere/a"',
    message: '[ENOENT] openat2(-100, "/nowhere/a"): no such file or directory',
  });
});

test('an errno that Node has no text for keeps its name or number', () => {
  expect(new LinuxError('fcntl', 35, '3').code).toBe('EDEADLK');
  expect(new LinuxError('keyctl', 129, '3').message).toBe('[E129] keyctl(3): error 129 of errno(3)');
});
