import { existsSync, lstatSync, readdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { processStartTime } from '@hatchery/linux';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Runtime, type RuntimeOptions } from '../src/index.ts';
import { formatRecord, readRecord, type SandboxRecord } from '../src/instance/record.ts';
import { Debris } from './planted-debris.ts';
import { usePlace } from './use-runtime.ts';

const place = usePlace();
const never = 2 ** 31 - 1;

async function open(options: RuntimeOptions = {}): Promise<Runtime> {
  const { runDirectory, instance, dataDirectory } = place;
  const runtime = await Runtime.open({
    pool: false,
    runDirectory,
    instance,
    dataDirectory,
    gcIntervalMs: never,
    quarantineMs: 0,
    ...options,
  });
  onTestFinished(() => runtime.close());
  return runtime;
}

describe('the collector', () => {
  // Mutation: judgeProcesses lets what lives without a record go at once.
  test('inv-39: cgroups with processes and no record are watched first, then ended by the teardown of every destroy', async () => {
    const runtime = await open();
    await using sandbox = await runtime.create();
    const debris = new Debris(place);
    const paths = debris.cgroups('stray');
    const { pid, ended } = debris.sleeper(paths);
    expect(await runtime.gc()).toEqual({ removed: [], quarantined: ['stray'] });
    expect((await runtime.census()).quarantined).toEqual(['stray']);
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    expect(await runtime.gc()).toEqual({ removed: ['stray'], quarantined: [] });
    await ended;
    expect(paths.filter((path) => existsSync(path))).toEqual([]);
    expect((await runtime.census()).leaks).toEqual([]);
    expect((await sandbox.run(['true'])).exitCode).toBe(0);
  });

  // Mutations, in turn: judgeRoot() is not asked; the root left out of what the teardown of debris removes; mounts are not told.
  test("inv-39: what was half made goes, what may be somebody's stays, and leases go last", async () => {
    const runtime = await open();
    const debris = new Debris(place);
    debris.directory('empty');
    debris.cgroups('emptygroup');
    debris.disk('emptydisk', { 'record.new': 'hatchery' });
    const half = debris.directory('half', 'hatchery-record 2\nid ha');
    const image = debris.disk('image', { 'root.img': 'files of a user'.padEnd(65_536) });
    const loop = `${debris.loopDevice(join(image, 'root.img'))} on ${join(image, 'root.img')}`;
    const link = debris.link('link', debris.instanceDirectory);
    const range = debris.range('gone');
    const kept = ['half', 'image', 'link', loop, range].toSorted();
    expect(await runtime.gc()).toEqual({ removed: ['empty', 'emptydisk', 'emptygroup'], quarantined: kept });
    expect(await runtime.gc()).toEqual({ removed: [], quarantined: kept });
    expect(readdirSync(half)).toEqual(['record']);
    expect(readdirSync(image)).toEqual(['root.img']);
    // The link is there, and what it leads to.
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readdirSync(debris.instanceDirectory)).toContain('lock');
  });

  // Mutation: releaseRanges does not ask the pool.
  test('a lease that no pool holds is given back, those of sandboxes and the idle ones are not', async () => {
    const runtime = await open();
    await using sandbox = await runtime.create();
    await (await runtime.create()).destroy();
    const range = new Debris(place).range('gone');
    const before = (await runtime.census()).counts.uidRange;
    expect(await runtime.gc()).toEqual({ removed: [range], quarantined: [] });
    expect((await runtime.census()).counts.uidRange).toBe(before - 1);
    expect((await sandbox.run(['true'])).exitCode).toBe(0);
  });

  // Mutation: unfinished() yields nothing.
  test('inv-72: a destroy that failed keeps the record and is tried again, beside others that go on', async () => {
    const runtime = await open();
    const sandbox = await runtime.create();
    const debris = new Debris(place);
    const directory = join(debris.instanceDirectory, 'sandboxes', sandbox.id);
    const unmount = debris.mountTmpfs(directory);
    await expect(sandbox.destroy()).rejects.toMatchObject({ code: 'ERR_RESOURCES' });
    expect(sandbox.state).toBe('destroying');
    // Of the sandbox nothing is quarantined yet, but who mounted that cannot be told.
    expect(await runtime.gc()).toEqual({ removed: [], quarantined: [directory] });
    await (await runtime.create()).destroy();
    unmount();
    expect(existsSync(join(directory, 'record'))).toBe(true);
    expect(await runtime.gc()).toEqual({ removed: [sandbox.id], quarantined: [] });
    expect(sandbox.state).toBe('destroyed');
    expect((await runtime.census()).leaks).toEqual([]);
  });

  // Mutation: Runtime.open() does not start it.
  test('it runs by itself', async () => {
    await open({ gcIntervalMs: 5 });
    const path = new Debris(place).directory('empty');
    await vi.waitFor(() => expect(existsSync(path)).toBe(false), { timeout: 20_000 });
  });

  // Mutation: requireLock() returns at once.
  test('without the lock of its instance it touches nothing', async () => {
    const runtime = await open();
    const debris = new Debris(place);
    const path = debris.directory('empty');
    const lock = join(debris.instanceDirectory, 'lock');
    renameSync(lock, `${lock}.away`);
    await expect(runtime.gc()).rejects.toMatchObject({ code: 'ERR_INSTANCE_LOCKED' });
    expect(existsSync(path)).toBe(true);
    renameSync(`${lock}.away`, lock);
    expect(await runtime.gc()).toEqual({ removed: ['empty'], quarantined: [] });
  });
});

describe('debris at the close of a runtime', () => {
  // Mutation: giveBack() throws whatever cgroups.remove() throws.
  test('of a named instance it is left to the next runtime, whose collector has the same rule', async () => {
    const first = await open();
    const debris = new Debris(place);
    const { pid, ended } = debris.sleeper(debris.cgroups('stray'));
    await first.close();
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    const second = await open();
    expect(await second.gc()).toEqual({ removed: [], quarantined: ['stray'] });
    expect(await second.gc()).toEqual({ removed: ['stray'], quarantined: [] });
    await ended;
  });

  // Mutation: giveBack() does not sweep.
  test('of a private instance it goes, because nobody comes back to it', async () => {
    const { runDirectory, dataDirectory } = place;
    const runtime = await Runtime.open({ runDirectory, dataDirectory, gcIntervalMs: never });
    const [instance = ''] = readdirSync(join(runDirectory, 'instances')).filter((name) => name.startsWith('private-'));
    const debris = new Debris({ ...place, instance });
    debris.directory('empty');
    const { ended } = debris.sleeper(debris.cgroups('stray'));
    await runtime.close();
    await ended;
    expect(readdirSync(join(runDirectory, 'instances'))).not.toContain(instance);
  });
});

/** As an earlier runner would have left one, with a program of ours for its init. */
function plantOrphan(debris: Debris, model: SandboxRecord, init: SandboxRecord['init']): void {
  const cgroups = model.cgroups.map((path) => join(dirname(path), 'orphan'));
  debris.directory('orphan', formatRecord({ ...model, id: 'orphan', cgroups, range: null, init }));
}

// Mutation: judgeProcesses() does not look at the record of what lives.
test('inv-73: a sandbox that runs and that no runtime has in its table is kept until it has ended', async () => {
  const runtime = await open();
  await using sandbox = await runtime.create();
  const debris = new Debris(place);
  const { pid, ended, kill } = debris.sleeper(debris.cgroups('orphan'));
  const model = readRecord(debris.instanceDirectory, sandbox.id);
  if (model === null) throw new Error('no record');
  plantOrphan(debris, model, { pid, startTime: String(processStartTime(pid)) });
  for (let run = 0; run < 3; run++) expect(await runtime.gc()).toEqual({ removed: [], quarantined: ['orphan'] });
  kill();
  await ended;
  expect(await runtime.gc()).toEqual({ removed: ['orphan'], quarantined: [] });
  expect((await runtime.census()).leaks).toEqual([]);
  expect((await sandbox.run(['true'])).exitCode).toBe(0);
});

// Mutation: teardownDebris() leaves init out of the head.
test('inv-66: debris whose record names the process of another as its init is kept, and that process lives', async () => {
  const runtime = await open();
  await using sandbox = await runtime.create();
  const debris = new Debris(place);
  const model = readRecord(debris.instanceDirectory, sandbox.id);
  if (model === null) throw new Error('no record');
  plantOrphan(debris, model, model.init);
  expect(await runtime.gc()).toEqual({ removed: [], quarantined: [] });
  expect((await runtime.census()).leaks).toHaveLength(2);
  expect((await sandbox.run(['true'])).exitCode).toBe(0);
});
