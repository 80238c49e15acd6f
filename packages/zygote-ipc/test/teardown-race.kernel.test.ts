import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { ending, TeardownHouse } from './teardown/teardown-house.ts';

const runners = 2;
const house = new TeardownHouse();

// Mutation: ENOENT of getdents64() is a failure in empty_directory() and in empty_level().
test('inv-68: two teardowns of one sandbox at once both succeed', async () => {
  const remains = Array.from({ length: 40 }, () => house.remains());
  const residents = [];
  for (const one of remains) {
    one.make();
    for (let count = 0; count < 20; count++) writeFileSync(join(one.root, `etc/file${count}`), '');
    residents.push(await house.spawn([join(one.cgroup, 'init'), ...one.cgroupsV1]));
  }
  const arrived = new Int32Array(new SharedArrayBuffer(4 * remains.length));
  const workerData = {
    remains: remains.map((one) => ({ directory: one.directory, head: one.head() })),
    runners,
    arrived,
  };
  const workers = Array.from(
    { length: runners },
    () => new Worker(new URL('teardown/race.ts', import.meta.url), { workerData }),
  );
  const failures = await Promise.all(workers.map((worker) => once(worker, 'message')));
  expect(failures).toEqual([[[]], [[]]]);
  await Promise.all(workers.map((worker) => worker.terminate()));
  expect(remains.flatMap((one) => one.leftovers())).toEqual([]);
  for (const resident of residents) expect(await ending(resident)).toBe('SIGKILL');
});
