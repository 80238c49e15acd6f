import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type CensusInput, takeCensus } from '../src/census/take-census.ts';
import { PlantedInstance } from './planted-instance.ts';

function inputOf(planted: PlantedInstance, changes: Partial<CensusInput> = {}): CensusInput {
  const { scope, ledger } = planted;
  return {
    scope,
    ledger,
    checkRecord: () => {},
    descriptors: () => ({
      registered: new Set(),
      claimed: new Map(),
      rootsAreClaimed: true,
      netnsAreClaimed: true,
      readyNetns: new Set(),
    }),
    slots: async () => ({ there: [], strays: [] }),
    forgottenSlots: () => [],
    workers: { threads: 2, abandoned: 0 },
    quarantined: [],
    ...changes,
  };
}

async function listenAt(path: string): Promise<void> {
  const server = createServer().listen(path);
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
}

test('what the table accounts for is counted and is no leak', async () => {
  const planted = new PlantedInstance();
  planted.live('a');
  await listenAt(join(planted.directory('a', {}), 'init.sock'));
  planted.cgroup('a', [process.pid]);
  planted.cgroup('@zygote', [process.ppid], planted.scope.cgroupBases.slice(0, 1));
  planted.ranges.add(planted.range('70010000', 'an-earlier-one'));
  const census = await takeCensus(inputOf(planted, { quarantined: ['b'] }));
  expect(census.leaks).toEqual([]);
  expect(census.quarantined).toEqual(['b']);
  expect(census.counts).toMatchObject({
    process: 2,
    cgroup: 5,
    socket: 1,
    directory: 1,
    record: 1,
    uidRange: 1,
    worker: 2,
  });
});

// Mutations, in turn: each finder's objects left out of takeCensus.
test('inv-64: each thing without an owner is a leak of its kind, with the id that its place tells', async () => {
  const planted = new PlantedInstance();
  const directory = planted.directory('gone', {});
  await listenAt(join(directory, 'init.sock'));
  const disk = planted.disk('kept', {});
  planted.cgroup('gone', [process.pid], planted.scope.cgroupBases.slice(1));
  planted.cgroup('@other', [], planted.scope.cgroupBases.slice(0, 1));
  const link = planted.range('70020000', 'gone');
  const census = await takeCensus(inputOf(planted, { workers: { threads: 2, abandoned: 1 } }));
  const [unified = '', memory = ''] = planted.scope.cgroupBases;
  expect(census.leaks.toSorted((a, b) => a.kind.localeCompare(b.kind))).toEqual([
    { kind: 'cgroup', what: join(unified, '@other'), sandboxId: null },
    { kind: 'cgroup', what: join(memory, 'gone'), sandboxId: 'gone' },
    { kind: 'directory', what: directory, sandboxId: 'gone' },
    { kind: 'directory', what: disk, sandboxId: 'kept' },
    { kind: 'process', what: `${process.pid} in ${join(memory, 'gone')}`, sandboxId: 'gone' },
    { kind: 'record', what: join(directory, 'record'), sandboxId: 'gone' },
    { kind: 'record', what: join(disk, 'record'), sandboxId: 'kept' },
    { kind: 'socket', what: join(directory, 'init.sock'), sandboxId: 'gone' },
    { kind: 'uidRange', what: link, sandboxId: 'gone' },
    { kind: 'worker', what: '1 threads that hang in a system call', sandboxId: null },
  ]);
});

test('a stopped sandbox has a directory and a root on disk, and nothing that runs', async () => {
  const planted = new PlantedInstance();
  planted.table.set('s', { processes: false, directory: true, disk: true });
  planted.directory('s', {});
  planted.disk('s', {});
  expect((await takeCensus(inputOf(planted))).leaks).toEqual([]);
  planted.cgroup('s', [process.pid]);
  const { leaks } = await takeCensus(inputOf(planted));
  expect(leaks.map(({ kind }) => kind)).toEqual(['cgroup', 'cgroup', 'process']);
});

// Mutation: isOutOfPlace does not ask isBusy.
test('what is being made or removed is no leak, and what went meanwhile neither', async () => {
  const planted = new PlantedInstance();
  planted.directory('making', {});
  planted.cgroup('making');
  planted.busy.add('making');
  const going = planted.directory('going', {});
  const ledger = {
    ...planted.ledger,
    // Asked at the verdict, when everything has been seen.
    belongings: (id: string) => {
      if (id === 'going') rmSync(going, { recursive: true, force: true });
      return planted.ledger.belongings(id);
    },
  };
  const { leaks, counts } = await takeCensus(inputOf(planted, { ledger }));
  expect(leaks).toEqual([]);
  expect(counts).toMatchObject({ directory: 2, cgroup: 4 });
});

// Mutation: the entry's type is asked by stat, which follows.
test('a link in the place of a sandbox is a leak and is not followed, whoever it belongs to', async () => {
  const planted = new PlantedInstance();
  const target = join(planted.scope.instanceDirectory, 'elsewhere');
  mkdirSync(target);
  writeFileSync(join(target, 'record'), '');
  symlinkSync(target, join(planted.sandboxes, 'l'));
  planted.table.set('l', { processes: true, directory: false, disk: false });
  const { leaks, counts } = await takeCensus(inputOf(planted));
  expect(leaks).toEqual([{ kind: 'directory', what: `${join(planted.sandboxes, 'l')} (a link)`, sandboxId: 'l' }]);
  expect(counts.record).toBe(0);
});

test('a record that cannot be understood is a leak, and so is one that is not there', async () => {
  const planted = new PlantedInstance();
  planted.live('half');
  planted.live('none');
  planted.directory('half', '{');
  planted.directory('none');
  const checkRecord = (id: string): void => {
    if (id === 'half') throw new Error('fields are missing');
  };
  const { leaks } = await takeCensus(inputOf(planted, { checkRecord }));
  expect(leaks).toEqual([
    { kind: 'record', what: `${join(planted.sandboxes, 'half/record')}: fields are missing`, sandboxId: 'half' },
    { kind: 'record', what: `${join(planted.sandboxes, 'none')} has no record`, sandboxId: 'none' },
  ]);
});

// Mutation: ifThere() answers null for every error.
test('inv-49: what cannot be read is an error that names it, never empty', async () => {
  const planted = new PlantedInstance();
  const [base = ''] = planted.scope.cgroupBases;
  const procs = join(base, 'x/cgroup.procs');
  mkdirSync(procs, { recursive: true });
  await expect(takeCensus(inputOf(planted))).rejects.toMatchObject({
    code: 'ERR_CENSUS',
    message: expect.stringContaining(procs) as string,
  });
  rmSync(procs, { recursive: true });
  // A member that this pid namespace cannot name.
  writeFileSync(procs, '0\n');
  await expect(takeCensus(inputOf(planted))).rejects.toMatchObject({ code: 'ERR_CENSUS' });
  rmSync(planted.sandboxes, { recursive: true });
  writeFileSync(procs, '');
  writeFileSync(planted.sandboxes, '');
  await expect(takeCensus(inputOf(planted))).rejects.toMatchObject({
    message: expect.stringContaining(planted.sandboxes) as string,
  });
});
