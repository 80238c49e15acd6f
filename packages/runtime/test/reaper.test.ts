import { PoolError } from '@hatchery/blocking-io';
import { closeFd, makePipe, releaseFd } from '@hatchery/linux';
import { expect, test } from 'vitest';
import { Reaper } from '../src/sandbox/reaper.ts';
import { logged } from './logged.ts';

type Workers = ConstructorParameters<typeof Reaper>[0];

/** A worker that takes as long as it is told and notes what it was given. */
function worker(tookMs: number): { workers: Workers; jobs: number[][]; most: () => number } {
  const jobs: number[][] = [];
  let running = 0;
  let most = 0;
  const run = async (_name: string, { fds }: { fds: readonly number[] }): Promise<number> => {
    jobs.push([...fds]);
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    return tookMs;
  };
  return { workers: { run: run as Workers['run'] }, jobs, most: () => most };
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => 1000 + index);

// Mutation: #isReaping not looked at in take(): a job for each root, all at once.
test('roots are unmounted in order by one job at a time, several while they are small', async () => {
  const { workers, jobs, most } = worker(0.2);
  const reaper = new Reaper(workers, logged().logger);
  await Promise.all(numbers(20).map((fd) => reaper.take(fd)));
  expect(jobs.flat()).toEqual(numbers(20));
  expect(most()).toBe(1);
  expect(jobs.length).toBeLessThan(20);
  expect(reaper.held).toBe(0);
});

// Mutation: #perJob stays what it is.
test('after one that took long the next ones come one at a time', async () => {
  const { workers, jobs } = worker(20);
  const reaper = new Reaper(workers, logged().logger);
  await Promise.all(numbers(12).map((fd) => reaper.take(fd)));
  const [, ...later] = jobs.slice(jobs.findIndex(({ length }) => length > 1));
  expect(later.every(({ length }) => length === 1)).toBe(true);
});

// Mutation: held counts fewer than there are.
test('past its bound there is no room until some are gone', async () => {
  const { workers } = worker(0.2);
  const reaper = new Reaper(workers, logged().logger);
  expect(reaper.room()).toBeNull();
  const done = Promise.all(numbers(300).map((fd) => reaper.take(fd)));
  expect(reaper.held).toBe(300);
  await reaper.room();
  expect(reaper.held).toBeLessThanOrEqual(256);
  expect(reaper.held).toBeGreaterThan(0);
  await done;
  expect(reaper.room()).toBeNull();
});

// Mutation: the descriptors of a job that never began are not closed.
test('what no worker takes is closed all the same, and told', async () => {
  const { logger, lines } = logged();
  const run: Workers['run'] = () =>
    Promise.reject(new PoolError({ code: 'ERR_POOL_CLOSED', step: 'closeDescriptors', text: 'it is closed' }));
  const reaper = new Reaper({ run }, logger);
  const [readEnd, writeEnd] = makePipe();
  await Promise.all([reaper.take(readEnd), reaper.take(writeEnd)]);
  for (const fd of [readEnd, writeEnd]) expect(() => releaseFd(fd)).toThrow();
  expect(lines.map(({ message }) => message)).toContain(
    'the roots of ended sandboxes could not be unmounted by a worker',
  );
  expect(() => closeFd(readEnd)).toThrow();
});
