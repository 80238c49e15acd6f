import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { type Lease, leaseRange, leasesOf, rangeSize } from '../src/instance/uid-ranges.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const instanceDirectory = '/run/hatchery/instances/main';
const owner = (sandboxId: string): { instanceDirectory: string; sandboxId: string } => ({
  instanceDirectory,
  sandboxId,
});

test('every lease is its own range of 65,536 between 0x70000000 and 0x7fffffff, and names its owner', () => {
  const directory = join(temporaryDirectory(), 'ids');
  const leases = Array.from({ length: 300 }, (_, index) => leaseRange({ owner: owner(`s${index}`), directory }));
  expect(new Set(leases.map(({ firstId }) => firstId)).size).toBe(300);
  for (const { firstId, sandboxId } of leases) {
    expect(firstId % rangeSize).toBe(0);
    expect(firstId).toBeGreaterThanOrEqual(0x7000_0000);
    expect(firstId + rangeSize - 1).toBeLessThanOrEqual(0x7fff_ffff);
    expect(readlinkSync(join(directory, firstId.toString(16)))).toBe(`${instanceDirectory}/sandboxes/${sandboxId}`);
  }
  expect(statSync(directory).mode & 0o777).toBe(0o700);
});

test('a range that was given back is not the next one leased', () => {
  const directory = temporaryDirectory();
  const first = leaseRange({ owner: owner('a'), directory });
  first.release();
  expect(readdirSync(directory)).toEqual([]);
  expect(leaseRange({ owner: owner('b'), directory }).firstId).not.toBe(first.firstId);
});

test('releasing twice does not take the range from its next holder', () => {
  const directory = temporaryDirectory();
  const lease = leaseRange({ owner: owner('a'), directory });
  const path = join(directory, lease.firstId.toString(16));
  lease.release();
  symlinkSync('/run/hatchery/instances/other/sandboxes/b', path);
  lease.release();
  expect(readlinkSync(path)).toContain('/other/');
});

test('a sweep finds the leases of its instance only, and can give them back', () => {
  const directory = temporaryDirectory();
  const mine = [leaseRange({ owner: owner('a'), directory }), leaseRange({ owner: owner('b'), directory })];
  const other = { instanceDirectory: `${instanceDirectory}-2`, sandboxId: 'a' };
  const theirs = leaseRange({ owner: other, directory });
  writeFileSync(join(directory, 'notes'), 'not a lease');
  const facts = ({ firstId, sandboxId }: Lease): [number, string] => [firstId, sandboxId];
  const found = leasesOf(instanceDirectory, { directory });
  expect(new Map(found.map(facts))).toEqual(new Map(mine.map(facts)));
  for (const lease of found) lease.release();
  expect(readdirSync(directory).sort()).toEqual([theirs.firstId.toString(16), 'notes'].sort());
  expect(leasesOf(instanceDirectory, { directory: join(directory, 'missing') })).toEqual([]);
});

test('when all 4096 ranges are taken a lease is refused, and one that comes free is found', { timeout: 30_000 }, () => {
  const directory = temporaryDirectory();
  const leases = Array.from({ length: 4096 }, () => leaseRange({ owner: owner('a'), directory }));
  expect(() => leaseRange({ owner: owner('b'), directory })).toThrow('ERR_RESOURCES');
  leases[1234]?.release();
  expect(leaseRange({ owner: owner('b'), directory }).firstId).toBe(leases[1234]?.firstId);
});

test('threads leasing at once never share a range', { timeout: 30_000 }, async () => {
  const directory = temporaryDirectory();
  const source = `
    import { parentPort, workerData } from 'node:worker_threads';
    const { leaseRange } = await import(workerData.module);
    const owner = { instanceDirectory: '/i', sandboxId: 's' };
    const ids = [];
    for (let n = 0; n < 500; n++) ids.push(leaseRange({ owner, directory: workerData.directory }).firstId);
    parentPort.postMessage(ids);`;
  const module = new URL('../src/instance/uid-ranges.ts', import.meta.url).href;
  const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  const lists = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const worker = new Worker(url, { workerData: { module, directory } });
      const [[ids]] = (await Promise.all([once(worker, 'message'), once(worker, 'exit')])) as [[number[]], unknown];
      return ids;
    }),
  );
  expect(new Set(lists.flat()).size).toBe(2000);
});

test('a lease goes on after somebody cleared /run, and a directory open to others is closed', () => {
  const directory = join(temporaryDirectory(), 'ids');
  const lease = leaseRange({ owner: owner('a'), directory });
  rmSync(directory, { recursive: true });
  lease.release();
  leaseRange({ owner: owner('b'), directory });
  const open = join(temporaryDirectory(), 'open');
  mkdirSync(open);
  chmodSync(open, 0o777);
  leaseRange({ owner: owner('b'), directory: open });
  expect(statSync(open).mode & 0o777).toBe(0o700);
});
