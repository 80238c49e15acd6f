import { readdirSync, rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import { RangePool } from '../src/instance/range-pool.ts';
import { leaseRange } from '../src/instance/uid-ranges.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const owner = { instanceDirectory: '/run/hatchery/instances/main', sandboxId: 'a' };

function lend(pool: RangePool, directory: string) {
  return pool.lend(leaseRange({ owner, directory }), 'a');
}

// Mutation: staysLeased() counts the idle only, not those on their way back: all 20 stay.
test('of twenty sandboxes that end at once sixteen leave their ranges to the next ones, the links of the others are the teardowns’ to remove', () => {
  const directory = temporaryDirectory();
  const pool = new RangePool();
  const leases = Array.from({ length: 20 }, () => lend(pool, directory));
  const staying = leases.filter((lease) => lease.staysLeased());
  expect(staying.length).toBe(16);
  for (const lease of leases) {
    // As a worker does.
    if (!lease.staysLeased()) rmSync(lease.path);
    lease.release();
  }
  expect(readdirSync(directory).length).toBe(16);
  expect(pool.held().toSorted()).toEqual(staying.map(({ path }) => path).toSorted());
  pool.close();
  expect(readdirSync(directory)).toEqual([]);
});

// Mutation: release() unlinks whatever staysLeased() had said.
test('a range that its teardown has given back is not taken from its next holder', () => {
  const directory = temporaryDirectory();
  const pool = new RangePool();
  pool.close();
  const lease = lend(pool, directory);
  expect(lease.staysLeased()).toBe(false);
  // Somebody else has it meanwhile.
  lease.release();
  expect(readdirSync(directory)).toHaveLength(1);
});

test('what is given back by a create that failed, without a teardown, is leased no more once the pool is full', () => {
  const directory = temporaryDirectory();
  const pool = new RangePool();
  const leases = Array.from({ length: 18 }, () => lend(pool, directory));
  for (const lease of leases) lease.release();
  for (const lease of leases) lease.release();
  expect(readdirSync(directory).length).toBe(16);
});
