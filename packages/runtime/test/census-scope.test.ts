import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { censusScope } from '../src/census/scope.ts';
import { temporaryDirectory } from './temporary-directory.ts';

// Mutation: only `cgroup2` mounts are taken.
test('every mounted hierarchy is looked at, and directories as the kernel names them', async () => {
  const real = temporaryDirectory();
  const data = join(temporaryDirectory(), 'data');
  symlinkSync(real, data);
  const instance = { name: 'main', directory: '/run/hatchery/instances/main', cgroupBase: 'hatchery/main' };
  const scope = await censusScope({ instance, dataDirectory: data });
  const types = readFileSync('/proc/mounts', 'latin1').match(/ cgroup2? rw| cgroup2? ro/g) ?? [];
  expect(scope.cgroupBases).toHaveLength(types.length);
  expect(scope.cgroupBases.every((path) => path.endsWith('/hatchery/main'))).toBe(true);
  expect(scope.disksDirectory).toBe(join(real, 'sandboxes/main'));
});
