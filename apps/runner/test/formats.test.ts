import type { Census } from '@hatchery/runtime';
import { expect, it } from 'vitest';
import { censusReport } from '../src/commands/census.ts';
import { compileCreate } from '../src/commands/create.ts';
import { formatBytes } from '../src/commands/format-bytes.ts';
import { formatDuration } from '../src/commands/format-duration.ts';
import { formatTable } from '../src/commands/format-table.ts';
import { gcReport } from '../src/commands/gc.ts';
import { statsTable } from '../src/commands/stats.ts';

it('a table has its columns under their headings and no trailing space; control characters do not pass', () => {
  expect(
    formatTable(
      ['ID', 'STATE'],
      [
        ['a', 'running'],
        ['longer', ''],
      ],
    ),
  ).toBe('ID      STATE\na       running\nlonger\n');
  expect(formatTable(['A', 'B'], [['\u001b[31mx', '\n']])).toBe('A       B\n?[31mx  ?\n');
});

it('a duration is told in its two largest units', () => {
  expect([0, 999, 1000, 61_000, 3_600_000, 90_061_000].map(formatDuration)).toEqual([
    '0s',
    '0s',
    '1s',
    '1m1s',
    '1h0m',
    '1d1h',
  ]);
});

it('a size is told in the unit that leaves it three digits', () => {
  expect([0, 999, 1000, 1536, 1024 ** 2 * 512, 1024 ** 5 * 3].map(formatBytes)).toEqual([
    '0B',
    '999B',
    '1.0KiB',
    '1.5KiB',
    '512MiB',
    '3072TiB',
  ]);
});

it('what a host does not count is a dash, and leaks are told one by one', () => {
  expect(statsTable([{ id: 'a', cpuMs: 1500, pids: 2 }])).toBe(
    'ID  CPU    MEMORY  PEAK  PIDS  OOM-KILLS\na   1.50s  -       -     2     -\n',
  );
  const counts = { process: 2, cgroup: 1 } as Census['counts'];
  const leaks: Census['leaks'] = [{ kind: 'process', what: '4711', sandboxId: null }];
  expect(censusReport({ counts, leaks, quarantined: ['old'] })).toBe(
    'KIND     COUNT  LEAKS\nprocess  2      1\ncgroup   1      0\n\nLEAK     SANDBOX  WHAT\nprocess  -        4711\n\nQUARANTINED\nold\n',
  );
  expect(gcReport({ removed: ['x'], quarantined: ['y'] })).toBe('DONE         WHAT\nremoved      x\nquarantined  y\n');
  expect(gcReport({ removed: [], quarantined: [] })).toBe('');
});

it('flags of create become a spec', () => {
  const flags = {
    id: 'a',
    metadata: ['k=v=w'],
    root: 'disk',
    timeout: '2s',
    onTimeout: 'pause',
    memory: '64m',
    env: ['A=b'],
  };
  expect(compileCreate(flags, {})).toEqual({
    id: 'a',
    metadata: { k: 'v=w' },
    root: 'disk',
    timeoutMs: 2000,
    onTimeout: 'pause',
    env: { A: 'b' },
    limits: { memoryBytes: 64 * 1024 ** 2 },
  });
  expect(() => compileCreate({ metadata: ['=x'] }, {})).toThrow('[ERR_SPEC_INVALID] --metadata: "=x"');
});
