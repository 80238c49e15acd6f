import { existsSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { CleanUp } from '../src/gc/clean-up.ts';
import { Collector, type CollectorOptions } from '../src/gc/collector.ts';
import type { CollectorHost } from '../src/gc/collector-host.ts';
import { PlantedInstance } from './planted-instance.ts';

const never = 2 ** 31 - 1;

function collectorOf(host: CollectorHost, options: Partial<CollectorOptions> = {}): Collector {
  const collector = new Collector(host, { intervalMs: never, quarantineMs: 60_000, ...options });
  collector.start();
  onTestFinished(() => collector.close());
  return collector;
}

/** A clean-up whose clock the test moves. */
function cleanUpOf(host: CollectorHost, clock: { nowMs: number }): CleanUp {
  return new CleanUp(host, { quarantineMs: 60_000, patienceMs: never, nowMs: () => clock.nowMs });
}

// Mutation: findDebris asks the ledger about nobody.
test('debris is removed by the one teardown, under the lock of its id; what lives and what is busy is left alone', async () => {
  const planted = new PlantedInstance();
  for (const id of ['live', 'busy', 'empty', 'intent', 'ended']) planted.directory(id);
  planted.live('live');
  planted.busy.add('busy');
  planted.directory('intent', { state: 'intent', root: null });
  planted.cgroup('intent', [7]);
  planted.directory('ended', { state: 'running', root: null });
  planted.disk('image', { state: 'intent', root: '/x' });
  const held: string[] = [];
  const host = planted.host({
    locks: {
      run: async (id, act) => {
        held.push(id);
        return await act().finally(() => held.splice(held.indexOf(id), 1));
      },
    },
    teardownDebris: async (id) => {
      expect(held).toContain(id);
      planted.remove(id);
    },
  });
  const collector = collectorOf(host);
  expect(await collector.collect()).toEqual({ removed: ['empty', 'ended', 'image', 'intent'], quarantined: [] });
  expect(existsSync(join(planted.sandboxes, 'live'))).toBe(true);
  expect(existsSync(join(planted.sandboxes, 'busy'))).toBe(true);
  expect(await collector.collect()).toEqual({ removed: [], quarantined: [] });
  expect(collector.counters).toEqual({ runs: 2, removed: 4, failures: 0, quarantined: 0 });
});

// Mutation: #settle does not ask the ledger again.
test("inv-40: an id that was created between the look and the lock is nobody's debris", async () => {
  const planted = new PlantedInstance();
  planted.directory('late');
  const host = planted.host({
    locks: {
      run: async (id, act) => {
        planted.live(id);
        return await act();
      },
    },
  });
  expect(await collectorOf(host).collect()).toEqual({ removed: [], quarantined: [] });
  expect(existsSync(join(planted.sandboxes, 'late'))).toBe(true);
});

// Mutations, in turn: Sightings.note ignores the mark, the run, the time.
test('what lives without a record is removed when the same was seen in two runs in a row, far enough apart', async () => {
  const planted = new PlantedInstance();
  const host = planted.host();
  const clock = { nowMs: 0 };
  const cleanUp = cleanUpOf(host, clock);
  const look = async (nowMs: number): Promise<string> => {
    clock.nowMs = nowMs;
    const { removed, quarantined } = await cleanUp.run(true);
    return removed.includes('x') ? 'removed' : quarantined.includes('x') ? 'kept' : 'nothing';
  };
  planted.cgroup('x', [7]);
  expect(await look(0)).toBe('kept');
  expect(await look(59_999)).toBe('kept');
  // Another one of the same name.
  planted.remove('x');
  planted.cgroup('x', [7]);
  expect(await look(70_000)).toBe('kept');
  // Not seen in one run: it begins anew.
  planted.busy.add('x');
  expect(await look(140_000)).toBe('nothing');
  planted.busy.delete('x');
  expect(await look(150_000)).toBe('kept');
  expect(await look(210_000)).toBe('removed');
  expect(cleanUp.counters.quarantined).toBe(2);
  expect(host.log.filter((line) => line.includes('quarantine'))).toHaveLength(2);
});

// Mutation: Attempts.isDue answers true; maxAttempts is never reached.
test('inv-72: a teardown that fails is tried again later and later, then quarantined with its reason and counted', async () => {
  const planted = new PlantedInstance();
  planted.directory('stuck');
  const tries: number[] = [];
  const clock = { nowMs: 0 };
  const host = planted.host({
    teardownDebris: async (id) => {
      if (id !== 'stuck') return planted.remove(id);
      tries.push(clock.nowMs / 1000);
      throw new Error('rmdir: EBUSY');
    },
  });
  const cleanUp = cleanUpOf(host, clock);
  for (; clock.nowMs <= 1_000_000; clock.nowMs += 5000) await cleanUp.run(false);
  expect(tries).toEqual([0, 5, 15, 35, 75, 155]);
  expect(cleanUp.counters).toMatchObject({ failures: 6, quarantined: 1, removed: 0 });
  expect(cleanUp.quarantined.get('stuck')).toContain('at last: rmdir: EBUSY');
  expect(cleanUp.nextAttemptMs).toBeNull();
  expect(existsSync(join(planted.sandboxes, 'stuck'))).toBe(true);
  // Others are removed all the same, and whoever asks has it tried once more.
  planted.directory('other');
  expect(await cleanUp.run(true)).toEqual({ removed: ['other'], quarantined: ['stuck'] });
  expect(tries).toHaveLength(7);
  planted.remove('stuck');
  expect(await cleanUp.run(false)).toEqual({ removed: [], quarantined: [] });
  // 200 runs, which on a busy machine take their time.
}, 60_000);

// Mutation: #remove does not look again.
test('a teardown that leaves something is a failed one, and names it', async () => {
  const planted = new PlantedInstance();
  planted.directory('x');
  const collector = collectorOf(planted.host({ teardownDebris: async () => {} }));
  expect(await collector.collect()).toEqual({ removed: [], quarantined: [] });
  expect(collector.counters.failures).toBe(1);
});

// Mutation: #withPatience awaits the work alone.
test('inv-72: a teardown that hangs holds up neither the others, nor later runs, nor the close', async () => {
  const planted = new PlantedInstance();
  for (const id of ['a', 'b', 'c', 'hangs']) planted.directory(id);
  const hanging = Promise.withResolvers<void>();
  let begun = 0;
  const host = planted.host({
    teardownDebris: async (id) => {
      if (id === 'hangs') begun++;
      if (id === 'hangs') await hanging.promise;
      planted.remove(id);
    },
  });
  const collector = collectorOf(host, { patienceMs: 20 });
  expect(await collector.collect()).toEqual({ removed: ['a', 'b', 'c'], quarantined: ['hangs'] });
  expect(await collector.collect()).toEqual({ removed: [], quarantined: ['hangs'] });
  expect(begun).toBe(1);
  expect(collector.quarantined.get('hangs')).toContain('does not end');
  hanging.resolve();
  await vi.waitFor(() => expect(existsSync(join(planted.sandboxes, 'hangs'))).toBe(false), { timeout: 10_000 });
  expect(await collector.collect()).toEqual({ removed: [], quarantined: [] });
  expect(collector.counters.removed).toBe(4);
});

// Mutations, in turn: strayOf() answers null; an unreadable record reads as none.
test('inv-39: a link, a file and a half record are kept, told once, and never followed', async () => {
  const planted = new PlantedInstance();
  const target = planted.directory('target', { state: 'running', root: null });
  planted.live('target');
  symlinkSync(target, join(planted.sandboxes, 'link'));
  writeFileSync(join(planted.sandboxes, 'file'), '');
  planted.directory('No-Id');
  planted.directory('half', '{"state":"run');
  const host = planted.host();
  const collector = collectorOf(host);
  const quarantined = ['No-Id', 'file', 'half', 'link'];
  expect(await collector.collect()).toEqual({ removed: [], quarantined });
  expect(await collector.collect()).toEqual({ removed: [], quarantined });
  expect(existsSync(join(target, 'record'))).toBe(true);
  expect(host.log).toHaveLength(4);
  expect(collector.quarantined.get('link')).toContain('is no directory');
  expect(collector.quarantined.get('half')).toContain('cannot be understood');
});

// Mutation: releaseRanges is told that no debris is left.
test('a lease that nobody holds is released once no debris can be using its ids', async () => {
  const planted = new PlantedInstance();
  const held = planted.range('70010000', 'a');
  planted.ranges.add(held);
  const orphan = planted.range('70020000', 'b');
  planted.cgroup('unknown', [7]);
  const collector = collectorOf(planted.host());
  expect(await collector.collect()).toEqual({ removed: [], quarantined: [orphan, 'unknown'].toSorted() });
  planted.remove('unknown');
  expect(await collector.collect()).toEqual({ removed: [orphan], quarantined: [] });
  expect(readdirSync(planted.scope.rangesDirectory)).toEqual(['70010000']);
});

test('a destroy that failed is tried again like all else', async () => {
  const planted = new PlantedInstance();
  const failed = new Set(['d']);
  let tries = 0;
  const finish = async (id: string): Promise<void> => {
    if (++tries === 1) throw new Error('EIO');
    failed.delete(id);
  };
  const collector = collectorOf(planted.host({ unfinished: () => failed, finish }));
  expect(await collector.collect()).toEqual({ removed: [], quarantined: [] });
  expect(await collector.collect()).toEqual({ removed: ['d'], quarantined: [] });
});

// Mutation: CleanUp.run does not ask for the lock.
test('without the lock of the instance nothing is touched', async () => {
  const planted = new PlantedInstance();
  planted.directory('x');
  const lost = new Error("the lock is another one's");
  const host = planted.host({
    verifyNetwork: async () => {},
    sweepNetwork: async () => [],
    requireLock: () => {
      throw lost;
    },
  });
  await expect(collectorOf(host).collect()).rejects.toBe(lost);
  expect(existsSync(join(planted.sandboxes, 'x'))).toBe(true);
});

// Mutation: collect() answers the run that is under way.
test('it runs by itself, whoever asks during a run gets the next one, and after the close nothing runs', async () => {
  const planted = new PlantedInstance();
  planted.directory('x');
  const collector = collectorOf(planted.host(), { intervalMs: 1 });
  await vi.waitFor(() => expect(existsSync(join(planted.sandboxes, 'x'))).toBe(false), { timeout: 10_000 });
  await collector.close();
  await collector.close();
  const { runs } = collector.counters;
  await expect(collector.collect()).rejects.toMatchObject({ code: 'ERR_RUNTIME_CLOSED' });
  expect(collector.counters.runs).toBe(runs);

  // Called behind the listing.
  const unfinished = (): string[] => {
    planted.directory('y');
    return [];
  };
  const second = collectorOf(planted.host({ unfinished }));
  const results = await Promise.all([second.collect(), second.collect(), second.collect()]);
  expect(results.map(({ removed }) => removed)).toEqual([[], ['y'], ['y']]);
  expect(second.counters.runs).toBe(2);
});

// Mutations, in turn: close() does not stop the run; what has begun is waited for.
test('a close during a run ends it, and it begins nothing more', async () => {
  const planted = new PlantedInstance();
  for (const id of ['a', 'b', 'c', 'd']) planted.directory(id);
  const begun: string[] = [];
  const both = Promise.withResolvers<void>();
  const teardownDebris = async (id: string): Promise<void> => {
    begun.push(id);
    if (begun.length === 2) both.resolve();
    await new Promise(() => {});
  };
  const collector = collectorOf(planted.host({ teardownDebris }));
  const run = collector.collect();
  await both.promise;
  await collector.close();
  expect(await run).toEqual({ removed: [], quarantined: [] });
  // Two at a time, and each is looked at first: whose look ends first begins first.
  expect(begun.toSorted()).toEqual(['a', 'b']);
});
