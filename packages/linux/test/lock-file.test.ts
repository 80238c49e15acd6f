import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { closeFd, currentDirectory, lockFile, OpenFlag, openat2 } from '../src/index.ts';

test('an exclusive lock keeps others out until its descriptor is closed; shared ones live together', () => {
  const directory = mkdtempSync(join(tmpdir(), 'hatchery-linux-'));
  const open = () => openat2(currentDirectory, join(directory, 'lock'), { flags: OpenFlag.O_RDWR | OpenFlag.O_CREAT });
  const [first, second, third] = [open(), open(), open()];
  expect(lockFile(first, 'exclusive')).toBe(true);
  expect(lockFile(second, 'exclusive')).toBe(false);
  expect(lockFile(second, 'shared')).toBe(false);
  closeFd(first);
  expect(lockFile(second, 'shared')).toBe(true);
  expect(lockFile(third, 'shared')).toBe(true);
  expect(lockFile(third, 'exclusive')).toBe(false);
  closeFd(second);
  closeFd(third);
  rmSync(directory, { recursive: true });
});
