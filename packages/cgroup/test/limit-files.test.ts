import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CgroupDirectory } from '../src/cgroup-directory.ts';
import { LimitFiles } from '../src/limit-files.ts';
import * as v1 from '../src/limits-v1.ts';
import * as v2 from '../src/limits-v2.ts';

let base: CgroupDirectory;
beforeEach(() => {
  base = new CgroupDirectory(mkdtempSync(join(tmpdir(), 'limit-files-')));
  mkdirSync(join(base.path, 'box'));
});
afterEach(() => {
  base.close();
  rmSync(base.path, { recursive: true });
});

/** Lays out empty limit files, has every limit written, and gives what is in the files then. */
function written(version: 1 | 2, files: readonly string[]): Record<string, string> {
  for (const file of files) {
    writeFileSync(join(base.path, file), '');
    writeFileSync(join(base.path, 'box', file), '');
  }
  limitFiles(version).write('memory', 'box', 67_108_864);
  limitFiles(version).write('cpu', 'box', 150_000);
  limitFiles(version).write('pids', 'box', 64);
  return contents();
}

function limitFiles(version: 1 | 2): LimitFiles {
  const place = { version, base };
  return new LimitFiles(
    new Map([
      ['memory', place],
      ['cpu', place],
      ['pids', place],
    ]),
  );
}

function contents(): Record<string, string> {
  return Object.fromEntries(
    readdirSync(join(base.path, 'box')).map((file) => [file, readFileSync(join(base.path, 'box', file), 'utf8')]),
  );
}

describe('LimitFiles', () => {
  it('writes the files of v2, and turns swap off', () => {
    expect(written(2, ['memory.current', 'memory.max', 'memory.swap.max', 'cpu.max', 'pids.max'])).toEqual({
      'memory.current': '',
      'memory.max': '67108864',
      'memory.swap.max': '0',
      'cpu.max': '150000 100000',
      'pids.max': '64',
    });
  });

  it('writes the files of v1, and leaves no room for swap', () => {
    const files = ['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes', 'cpu.cfs_quota_us', 'pids.max'];
    expect(written(1, files)).toEqual({
      'memory.limit_in_bytes': '67108864',
      'memory.memsw.limit_in_bytes': '67108864',
      'cpu.cfs_quota_us': '150000',
      'pids.max': '64',
    });
  });

  it('does without the swap files where the kernel does not account swap', () => {
    expect(Object.keys(written(2, ['memory.current', 'memory.max', 'cpu.max', 'pids.max']))).not.toContain(
      'memory.swap.max',
    );
  });

  // Mutation: write memory.max whatever is in use.
  it('v2: a memory limit below what is in use is refused like in v1, instead of killing until it fits', () => {
    const files = { 'memory.current': '1000\n', 'memory.max': 'max\n', 'memory.high': '900\n' };
    for (const [file, text] of Object.entries(files)) writeFileSync(join(base.path, 'box', file), text);
    expect(() => limitFiles(2).write('memory', 'box', 999)).toThrow(
      expect.objectContaining({
        code: 'ERR_LIMIT_UNENFORCEABLE',
        errno: 'EBUSY',
        controllers: ['memory'],
        message: expect.stringContaining('the group uses more than that already'),
      }),
    );
    expect(contents()).toMatchObject({ 'memory.max': 'max\n', 'memory.high': expect.stringMatching(/^900/) });
    limitFiles(2).write('memory', 'box', 1000);
    expect(contents()).toMatchObject({ 'memory.max': expect.stringMatching(/^1000/) });
  });

  it('has the same functions for both versions', () => {
    expect(Object.keys(v1).toSorted()).toEqual(Object.keys(v2).toSorted());
  });
});
