import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { endSandbox, releaseSandbox } from '@hatchery/linux';
import { expect, test } from 'vitest';
import { TeardownHouse } from './teardown/teardown-house.ts';

const house = new TeardownHouse();

// Mutation: remove_directory() returns at once when the directory is kept.
test('what a later start needs is kept: the root, the lease, the directory with nothing but the record', () => {
  const remains = house.remains();
  remains.make();
  endSandbox(remains.directory, remains.head(), { waitMs: 2000 });
  const keep = { keepRoot: true, keepDirectory: true, keepRange: true };
  for (let time = 0; time < 2; time++) {
    releaseSandbox(remains.directory, remains.head(), { waitMs: 2000, rootFd: null, ...keep });
    expect(readdirSync(remains.directory)).toEqual(['record']);
    expect(readdirSync(remains.root)).not.toEqual([]);
    expect(lstatSync(remains.range).isSymbolicLink()).toBe(true);
    expect(existsSync(remains.cgroup)).toBe(false);
  }
  releaseSandbox(remains.directory, remains.head(), { waitMs: 2000, rootFd: null });
  expect(remains.leftovers()).toEqual([]);
});
