import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { closeFd, currentDirectory, listNames, OpenFlag, openat2 } from '../src/index.ts';

// A thousand files take seconds on a disk that others use.
const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

function directoryOf(names: readonly (string | Buffer)[]): number {
  const directory = mkdtempSync(join(memory, 'hatchery-linux-'));
  for (const name of names) writeFileSync(Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(name)]), '');
  const fd = openat2(currentDirectory, directory, { flags: OpenFlag.O_RDONLY | OpenFlag.O_DIRECTORY });
  onTestFinished(() => {
    closeFd(fd);
    rmSync(directory, { recursive: true });
  });
  return fd;
}

test('pages are in the order of the bytes, without a gap and without a repetition', () => {
  const names = Array.from({ length: 1000 }, (_, index) => `n${(index * 7919) % 1000}`);
  const fd = directoryOf(names);
  const listed: string[] = [];
  for (let after: Buffer | null = null; ; ) {
    const page = listNames(fd, after, 64);
    listed.push(...page.map(String));
    if (page.length < 64) break;
    after = page.at(-1) ?? null;
  }
  expect(listed).toEqual(names.toSorted());
});

test('names of any bytes come as they are, those above ASCII last', () => {
  const names = [Buffer.from('ff', 'hex'), Buffer.from('a\nb'), Buffer.from('é'), Buffer.from('z'.repeat(255))];
  const fd = directoryOf(names);
  expect(listNames(fd, null, 10_000)).toEqual([names[1], names[3], names[2], names[0]]);
  expect(listNames(fd, Buffer.from('a\nb'), 1)).toEqual([names[3]]);
  expect(listNames(fd, Buffer.from('ff', 'hex'), 1)).toEqual([]);
});

test('what is no directory, and a limit that cannot be, are errors', () => {
  const fd = directoryOf(['x']);
  expect(() => listNames(fd, null, 0)).toThrow(TypeError);
  expect(() => listNames(fd, null, 100_001)).toThrow(TypeError);
  const file = openat2(fd, 'x', { flags: OpenFlag.O_RDONLY });
  expect(() => listNames(file, null, 1)).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
  closeFd(file);
});
