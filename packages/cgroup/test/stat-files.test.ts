import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CgroupDirectory } from '../src/cgroup-directory.ts';
import { type CgroupStats, StatFiles } from '../src/cgroup-stats.ts';

let base: CgroupDirectory;
beforeEach(() => {
  base = new CgroupDirectory(mkdtempSync(join(tmpdir(), 'stat-files-')));
  mkdirSync(join(base.path, 'box'));
});
afterEach(() => {
  base.close();
  rmSync(base.path, { recursive: true });
});

/** Lays the files out as the kernel writes them, and gives what is read from them. */
function read(version: 1 | 2, files: Readonly<Record<string, string>>): CgroupStats {
  for (const [file, text] of Object.entries(files)) writeFileSync(join(base.path, 'box', file), text);
  const place = { version, base };
  const places = new Map([
    ['memory', place],
    ['pids', place],
  ] as const);
  return new StatFiles(base, places).read('box', undefined);
}

const cpuStat = 'usage_usec 1234567\nuser_usec 1000000\nsystem_usec 234567\nnice_usec 0\n';
const v2Files = {
  'cpu.stat': cpuStat,
  'memory.current': '4096\n',
  'memory.peak': '8192\n',
  'memory.stat': 'anon 1024\nfile 2048\ninactive_file 7\n',
  'memory.events': 'low 0\nhigh 3\nmax 17\noom 2\noom_kill 1\noom_group_kill 9\n',
  'pids.current': '3\n',
  'cpu.pressure':
    'some avg10=1.50 avg60=0.25 avg300=0.00 total=2500\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=10\n',
  'io.pressure': 'some avg10=0.00 avg60=0.00 avg300=0.00 total=7000\n',
};

describe('StatFiles', () => {
  it('reads the files of v2', () => {
    expect(read(2, v2Files)).toEqual({
      cpuMs: 1234.567,
      memoryBytes: 4096,
      cacheBytes: 2048,
      memoryPeakBytes: 8192,
      pids: 3,
      oomKills: 1,
      pressure: {
        cpu: {
          some: { avg10: 1.5, avg60: 0.25, avg300: 0, totalMs: 2.5 },
          full: { avg10: 0, avg60: 0, avg300: 0, totalMs: 0.01 },
        },
        memory: undefined,
        io: { some: { avg10: 0, avg60: 0, avg300: 0, totalMs: 7 }, full: undefined },
      },
    });
  });

  it('reads the files of v1, and the CPU time of v2', () => {
    const stats = read(1, {
      'cpu.stat': cpuStat,
      'memory.usage_in_bytes': '4096\n',
      'memory.max_usage_in_bytes': '8192\n',
      'memory.stat': 'cache 5\ntotal_cache 1024\n',
      'memory.oom_control': 'oom_kill_disable 0\nunder_oom 1\noom_kill 5\n',
      'pids.current': '0\n',
    });
    expect(stats).toMatchObject({ cpuMs: 1234.567, memoryBytes: 4096, cacheBytes: 1024, pids: 0, oomKills: 5 });
    expect(stats.memoryPeakBytes).toBe(8192);
  });

  // Mutation: Number(text) for whatever the file holds.
  it('takes what an older kernel does not have, or a text that is no count, for unknown', () => {
    const { 'memory.peak': _since519, 'memory.stat': _kinds, ...older } = v2Files;
    const stats = read(2, { ...older, 'pids.current': 'max\n', 'memory.events': 'oom 2\n' });
    expect(stats).toMatchObject({
      cacheBytes: undefined,
      memoryPeakBytes: undefined,
      pids: undefined,
      oomKills: undefined,
    });
  });
});
