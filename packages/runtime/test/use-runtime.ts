import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlockingPool, openChroot } from '@hatchery/blocking-io';
import { afterAll, beforeAll, beforeEach, expect, vi } from 'vitest';
import { type Belongings, expectNoLeaks, type LeakScope, listBelongings } from '../../../tests/hostile/leak-check.ts';
import { Runtime } from '../src/index.ts';

// In memory, as a run directory is: on a busy disk each rmdir waits for the journal.
const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** Where a test's runtimes live: directories of its own and a name that finds whatever they leave. */
export interface Place extends LeakScope {
  /** For a test's own files; removed at the end. */
  readonly directory: string;
  readonly dataDirectory: string;
  /** Fails with the list of what was left behind since the place was made. Call it once the runtimes are closed. */
  expectNoLeaks(): Promise<void>;
}

/** A new place; `remove` it when nothing is left in it. */
export function makePlace(): Place & { remove(): void } {
  const directory = realpathSync(mkdtempSync(join(parent, 'hatchery-test-')));
  const scope = { runDirectory: join(directory, 'run'), instance: `test-${randomBytes(5).toString('hex')}` };
  const before = listBelongings(scope);
  return {
    ...scope,
    directory,
    dataDirectory: join(directory, 'data'),
    // Zombies of a killed zygote are the host's PID 1's, which may take its time.
    expectNoLeaks: () => vi.waitFor(() => expectNoLeaks(before, scope), { timeout: 10_000 }),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** A place for the tests of one file, checked for leaks and removed after them. */
export function usePlace(): Place {
  const made: { place?: ReturnType<typeof makePlace> } = {};
  const need = (): Place => {
    if (made.place === undefined) throw new Error('the place is there only while the tests run');
    return made.place;
  };
  beforeAll(() => {
    made.place = makePlace();
  });
  afterAll(async () => {
    // Only once nothing is left: with a forgotten mount in it, the removal would empty what is mounted.
    await made.place?.expectNoLeaks();
    made.place?.remove();
  });
  return {
    get runDirectory() {
      return need().runDirectory;
    },
    get instance() {
      return need().instance;
    },
    get directory() {
      return need().directory;
    },
    get dataDirectory() {
      return need().dataDirectory;
    },
    expectNoLeaks: () => need().expectNoLeaks(),
  };
}

export interface UsedRuntime {
  readonly place: Place;
  readonly runtime: Runtime;
  /** Everything of the instance now, to compare with later. */
  belongings(): Belongings;
  /** Fails unless there is again what there was; the zygote gets the moment it takes to reap. */
  expectAgain(before: Belongings, what?: string): Promise<void>;
  /** How many there are of each kind: for what has other numbers after a zygote was replaced. */
  counts(): Record<string, number>;
  /** The same, once what has ended in an earlier test is reaped. */
  countsAtRest(): Promise<Record<string, number>>;
}

/** An open runtime for the tests of one file; the file fails when anything of it is left after its close. */
export function useRuntime(): UsedRuntime {
  const place = usePlace();
  const opened: { runtime?: Runtime; workers?: BlockingPool } = {};
  beforeAll(async () => {
    const { runDirectory, instance, dataDirectory } = place;
    // One thread for jobs, the urgent ones' and one for files, and they run before anything is counted: descriptors of one
    // that starts later would count.
    const workers = await BlockingPool.open({ threads: 1 });
    opened.workers = workers;
    await workers.ready();
    const files = await openChroot(workers, place.directory);
    await workers.run('syncFileSystem', { path: place.directory });
    await files.close();
    // What is counted is what a test makes.
    opened.runtime = await Runtime.open({ runDirectory, instance, dataDirectory, workers, pool: false });
  });
  // What the test before has destroyed is unmounted later, and is not to count as this one's.
  beforeEach(() => opened.runtime?.waitForLifecycles());
  // Hooks after the tests run in reverse order, so this is before the place's check.
  afterAll(async () => {
    await opened.runtime?.close();
    await opened.workers?.close();
  });
  const counts = (): Record<string, number> => {
    const kinds = Object.entries(asLivingRuntime(listBelongings(place)));
    return Object.fromEntries(kinds.map(([kind, lines]) => [kind, lines.length]));
  };
  return {
    place,
    get runtime() {
      if (opened.runtime === undefined) throw new Error('the runtime is open only while the tests run');
      return opened.runtime;
    },
    belongings: () => asLivingRuntime(listBelongings(place)),
    expectAgain: (before, what) =>
      vi.waitFor(() => expect(asLivingRuntime(listBelongings(place)), what).toEqual(before), { timeout: 10_000 }),
    counts,
    async countsAtRest() {
      // Dead and not reaped yet, an init still has its namespaces.
      const isAtRest = (): boolean => {
        const found = listBelongings(place);
        return asLivingRuntime(found).processes.length === found.processes.length;
      };
      await vi.waitUntil(isAtRest, { timeout: 10_000 });
      return counts();
    },
  };
}

/**
 * Without what an open runtime keeps and changes: idle id ranges (they are back after its close, which is checked then)
 * and the next sandbox's network namespace, which the zygote holds ready. `net:[1]` and `net:[2]` become `net 2`. What is
 * dead and waits to be reaped is left to the check after the close, too.
 */
function asLivingRuntime(found: Belongings): Belongings {
  const kinds = Map.groupBy(found.namespaces, (name) => name.split(':')[0] ?? '');
  const namespaces = [...kinds].map(([kind, names]) => `${kind} ${names.length}`).toSorted();
  const processes = found.processes.filter((line) => /^\d+ \w/.test(line) && !line.includes('(zombie)'));
  return { ...found, processes, namespaces, idRanges: [] };
}
