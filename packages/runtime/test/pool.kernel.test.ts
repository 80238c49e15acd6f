import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { Runtime, type RuntimeOptions } from '../src/index.ts';
import { initOf, pidsIn, unifiedCgroup } from './host-view.ts';
import { ended, linesOf, nextLine, startProgram } from './run-program.ts';
import { usePlace } from './use-runtime.ts';

const place = usePlace();

function open(options: RuntimeOptions = {}): Promise<Runtime> {
  const { runDirectory, dataDirectory, instance } = place;
  return Runtime.open({ runDirectory, dataDirectory, instance, pool: { floor: 2, ceiling: 4 }, ...options });
}

function full(runtime: Runtime, parked = 2): Promise<unknown> {
  return vi.waitFor(() => expect(runtime.poolStats()).toMatchObject({ missing: 0, parked }), { timeout: 10_000 });
}

/** The ids of what is parked: it is in no list. */
async function parkedIds(runtime: Runtime): Promise<string[]> {
  const { counts } = await runtime.census();
  expect(counts.record).toBe((runtime.poolStats()?.parked ?? 0) + runtime.list().length);
  const all = readdirSync(join(place.runDirectory, 'instances', place.instance, 'sandboxes'));
  return all.filter((id) => runtime.get(id) === undefined);
}

// Mutation seen red: the ledger without what is parked.
test('inv-64: parked sandboxes are counted, are nobody’s and no leak, and go with the runtime', async () => {
  await using runtime = await open();
  await full(runtime);
  const { counts, leaks } = await runtime.census();
  expect(leaks).toEqual([]);
  expect(counts).toMatchObject({ record: 2, directory: 2, socket: 2, uidRange: 2, process: 3 });
  expect(runtime.list()).toEqual([]);
  expect(await runtime.gc()).toEqual({ removed: [], quarantined: [] });
  expect(runtime.poolStats()?.parked).toBe(2);
});

// Mutations seen red: the limits left out of startInit(); the hostname of the spec kept where it was the id.
test('a create takes one, which is then what was asked for in everything', async () => {
  await using runtime = await open();
  await full(runtime);
  const before = await parkedIds(runtime);
  const sandbox = await runtime.create({ env: { A: 'b' }, limits: { pids: 20 }, metadata: { m: '1' } });
  expect(sandbox.createdFrom).toBe('pool');
  expect(before).toContain(sandbox.id);
  const { stdout } = await sandbox.run(['sh', '-c', 'hostname; echo $A; id -u']);
  expect(stdout.toString()).toBe(`${sandbox.id}\nb\n0\n`);
  const bomb = await sandbox.run(['sh', '-c', 'for i in $(seq 40); do sleep 5 & done; wait'], { timeoutMs: 5000 });
  expect(bomb.stderr.toString()).toMatch(/fork|Resource/);
  const named = await runtime.create({ hostname: 'other' });
  expect((await named.run(['hostname'])).stdout.toString()).toBe('other\n');
  expect((await runtime.census()).leaks).toEqual([]);
});

// Mutation: the spec that was asked for as the shape's.
test('what is parked because of a create knows nothing of its secrets, volumes and deadline', async () => {
  await using runtime = await open({ pool: { floor: 0, ceiling: 1 } });
  const volumes = [{ source: place.runDirectory, target: '/volume' }];
  const sandbox = await runtime.create({
    env: { TOKEN: 'hidden' },
    metadata: { of: 'hidden' },
    volumes,
    timeoutMs: 1e6,
  });
  await full(runtime, 1);
  const [id = ''] = await parkedIds(runtime);
  const record = join(place.runDirectory, 'instances', place.instance, 'sandboxes', id, 'record');
  const text = readFileSync(record, 'utf8');
  expect(text).not.toContain('hidden');
  expect(text).not.toContain('/volume');
  expect(text).toContain('"deadline":null');
  await sandbox.destroy();
});

test('what a parked one cannot take is made on demand', async () => {
  await using runtime = await open();
  await full(runtime);
  const specs = [{ id: 'mine' }, { limits: { rootBytes: 2 ** 22 } }, { root: 'disk', limits: { rootBytes: 2 ** 24 } }];
  for (const spec of specs) {
    const sandbox = await runtime.create(spec as object);
    expect(sandbox.createdFrom).toBe('demand');
    expect((await sandbox.run(['true'])).exitCode).toBe(0);
  }
});

test('a path that leads to another directory now is that one', async () => {
  await using runtime = await open({ pool: { floor: 1, ceiling: 2 } });
  const image = join(place.directory, 'image');
  for (const version of ['one', 'two']) {
    if (version === 'two') renameSync(image, `${image}-old`);
    for (const name of ['bin', 'proc', 'dev', 'etc', version]) mkdirSync(join(image, name), { recursive: true });
    const busybox = ['/usr/bin/busybox', '/bin/busybox'].find((path) => existsSync(path)) ?? '';
    copyFileSync(busybox, join(image, 'bin/busybox'));
    const first = await runtime.create({ image });
    expect(first.createdFrom).toBe('demand');
    expect((await first.run(['/bin/busybox', 'ls', '/'])).stdout.toString()).toContain(version);
    await first.destroy();
    await full(runtime, 1);
    const second = await runtime.create({ image });
    expect(second.createdFrom).toBe('pool');
    expect((await second.run(['/bin/busybox', 'ls', '/'])).stdout.toString()).toContain(version);
    await second.destroy();
  }
});

test('inv-41: one whose volumes are refused is gone, and the next create takes another', async () => {
  await using runtime = await open();
  await full(runtime);
  const volumes = [{ source: place.directory, target: '/etc/passwd' }];
  await expect(runtime.create({ volumes })).rejects.toMatchObject({ code: 'ERR_VOLUME_TARGET' });
  for (const failed of runtime.list()) await failed.destroy();
  expect((await runtime.census()).leaks).toEqual([]);
  expect((await runtime.create()).createdFrom).toBe('pool');
});

test('a volume that is not there is refused, and costs no parked one', async () => {
  // Mutation seen red: takeParked() without its volumes.
  await using runtime = await open();
  await full(runtime);
  const ids = await parkedIds(runtime);
  const volumes = [{ source: join(place.directory, 'nowhere'), target: '/volume' }];
  await expect(runtime.create({ volumes })).rejects.toMatchObject({ code: 'ERR_VOLUME_NOT_FOUND' });
  expect(await parkedIds(runtime)).toEqual(ids);
  expect(runtime.list()).toEqual([]);
});

// Mutation seen red: a ParkedDeadError is never thrown.
test.for([
  ['without volumes', []],
  ['with one', [{ target: '/volume' }]],
] as const)('one that dies as it is taken %s costs nothing but time', async ([, given]) => {
  await using runtime = await open({ pool: { floor: 1, ceiling: 1 } });
  await full(runtime, 1);
  const [id = ''] = await parkedIds(runtime);
  const pid = initOf(place.instance, id);
  process.kill(pid, constants.signals.SIGKILL);
  const volumes = given.map((volume) => ({ ...volume, source: place.directory }));
  const sandbox = await runtime.create({ volumes });
  expect(sandbox.id).not.toBe(id);
  expect((await sandbox.run(['true'])).exitCode).toBe(0);
  await full(runtime, 1);
  expect((await runtime.census()).leaks).toEqual([]);
  expect(pidsIn(unifiedCgroup(place.instance, `${id}/init`))).toEqual([]);
});

test('inv-42, inv-44: kept sandboxes outlive a close and say where they are from; parked ones do not', async () => {
  const first = await open();
  await full(first);
  const { id } = await first.create();
  await first.close({ sandboxes: 'keep' });
  await using second = await open({ pool: false });
  expect(second.list().map((sandbox) => sandbox.id)).toEqual([id]);
  expect(second.get(id)?.createdFrom).toBe('pool');
  expect((await second.census()).counts.record).toBe(1);
});

test('inv-70: a runner that is killed while its pool is full leaves nothing that is parked to the next one', async () => {
  const { runDirectory, dataDirectory, instance } = place;
  const program = new URL('./programs/fill-pool.ts', import.meta.url);
  const child = startProgram(program, [runDirectory, dataDirectory, instance]);
  const lines = linesOf(child);
  const taken = await nextLine(lines);
  child.kill('SIGKILL');
  await ended(child);
  await using runtime = await open({ pool: false });
  expect(runtime.list().map(({ id }) => id)).toEqual([taken]);
  const { leaks, counts } = await runtime.census();
  expect(leaks).toEqual([]);
  expect(counts.record).toBe(1);
});
