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
  const place = { version, base };
  const limits = new LimitFiles(
    new Map([
      ['memory', place],
      ['cpu', place],
      ['pids', place],
    ]),
  );
  limits.write('memory', 'box', 67_108_864);
  limits.write('cpu', 'box', 150_000);
  limits.write('pids', 'box', 64);
  return Object.fromEntries(
    readdirSync(join(base.path, 'box')).map((file) => [file, readFileSync(join(base.path, 'box', file), 'utf8')]),
  );
}

describe('LimitFiles', () => {
  it('writes the files of v2, and turns swap off', () => {
    expect(written(2, ['memory.max', 'memory.swap.max', 'cpu.max', 'pids.max'])).toEqual({
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
    expect(Object.keys(written(2, ['memory.max', 'cpu.max', 'pids.max']))).not.toContain('memory.swap.max');
  });

  it('has the same functions for both versions', () => {
    expect(Object.keys(v1).toSorted()).toEqual(Object.keys(v2).toSorted());
  });
});
