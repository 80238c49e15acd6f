import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlockingPool } from '@hatchery/blocking-io';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { VolumeStore } from '../../src/boxlite/volumes/volume-store.ts';
import { createLogger } from '../../src/serve/create-logger.ts';

const logger = createLogger('silent');
let workers: BlockingPool;
let data: string;

beforeAll(async () => {
  workers = await BlockingPool.open({ logger });
});
afterAll(() => workers.close());
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'hatchery-volumes-'));
});
afterEach(() => rmSync(data, { recursive: true }));

const open = (): Promise<VolumeStore> => VolumeStore.open(data, workers, logger);
const place = (): string => join(data, 'boxlite/volumes');
const beside = (): string => join(data, 'boxlite/unfinished-volumes');
const names = (): string[] => [...readdirSync(place()), ...readdirSync(beside())];
const nobody = (): string[] => [];
const force = { force: false };

it('a volume is found by its id and by its name, also by who opens the store later', async () => {
  const store = await open();
  const named = await store.create('data-1');
  const unnamed = await store.create();
  expect(unnamed.name).toBe(unnamed.id);
  for (const reader of [store, await open()]) {
    expect(reader.find('data-1')).toEqual(named);
    expect(reader.find(named.id)).toEqual(named);
    expect(reader.list()).toEqual([named, unnamed]);
    expect(reader.find('nobody')).toBeUndefined();
  }
  expect(statSync(named.directory).mode & 0o7777).toBe(0o777);
  // Nobody of this host but root comes to what boxes leave there.
  expect(statSync(place()).mode & 0o7777).toBe(0o700);
});

// Mutation: isVolumeName() returns true, and then `../x` is somewhere else.
it('nothing can be a name that is a path, an id, or too long', async () => {
  const store = await open();
  const id = `v${'a'.repeat(20)}`;
  for (const name of [
    '',
    '.',
    '..',
    '../x',
    'a/b',
    '/etc',
    '.hidden',
    '-x',
    'a b',
    'a\0b',
    'x'.repeat(65),
    id,
    'größe',
  ])
    await expect(store.create(name), JSON.stringify(name)).rejects.toMatchObject({ code: 'invalid_argument' });
  expect(names()).toEqual([]);
  for (const name of ['../keys.json', '.', '', id]) expect(store.find(name), name).toBeUndefined();
});

// Mutation: no lock in create().
it('a name is one volume’s, whoever asks for it at the same time, through whichever store', async () => {
  const stores = [await open(), await open()];
  const made = await Promise.allSettled([...stores, ...stores].map((store) => store.create('same')));
  expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const result of made)
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'already_exists' });
  expect(names()).toHaveLength(1);
});

// Mutation: hold() returns without add(1), or usersOf is not asked.
it('one that a box has, or that a box is being made with, is not removed', async () => {
  const store = await open();
  const { id } = await store.create('used');
  const inUse = { code: 'invalid_state', message: expect.stringContaining('in use by') };
  await expect(store.remove(id, () => ['i1'], { force: true })).rejects.toMatchObject(inUse);
  const wanted = { managed_volume: 'used', guest_path: '/data' };
  const held = store.hold([wanted, wanted]);
  expect(held.mounts[0]).toEqual({ source: store.require(id).directory, target: '/data' });
  await expect(store.remove('used', nobody, force)).rejects.toMatchObject(inUse);
  held[Symbol.dispose]();
  held[Symbol.dispose]();
  await store.remove('used', nobody, force);
  expect(names()).toEqual([]);
  expect(store.find(id)).toBeUndefined();
  expect(() => store.hold([wanted])).toThrow(/there is none/);
});

it('one that is not there is removed with force alone, and a name is free again', async () => {
  const store = await open();
  await expect(store.remove('none', nobody, force)).rejects.toMatchObject({ code: 'not_found' });
  await store.remove('none', nobody, { force: true });
  const first = await store.create('again');
  writeFileSync(join(first.directory, 'file'), 'of the first');
  const other = await open();
  expect(other.find('again')).toEqual(first);
  await store.remove('again', nobody, force);
  const second = await store.create('again');
  expect(second.id).not.toBe(first.id);
  expect(readdirSync(second.directory)).toEqual([]);
  expect(other.find('again')).toEqual(second);
  expect(other.find(first.id)).toBeUndefined();
});

// Mutation: no #sweep(), or without a look at the date.
it('what a crash has left half made or half removed is no volume, and is cleared away; what is made just now is not', async () => {
  const { id } = await (await open()).create('kept');
  const young = `new-v${'d'.repeat(20)}`;
  for (const name of [`new-v${'b'.repeat(20)}`, `gone-v${'c'.repeat(20)}`, young]) {
    mkdirSync(join(beside(), name, 'files/deep'), { recursive: true });
    writeFileSync(join(beside(), name, 'files/deep/file'), 'x');
    const hourAgo = Date.now() / 1000 - 3600;
    if (name !== young) utimesSync(join(beside(), name), hourAgo, hourAgo);
  }
  const store = await open();
  expect(store.list().map(({ name }) => name)).toEqual(['kept']);
  await vi.waitFor(() => expect(names()).toEqual([id, young]), { timeout: 20_000 });
});

// Mutation: datesTellMs = 0, or the date is not compared.
it('what another process makes and removes is seen at once, however quickly one follows the other', async () => {
  const [store, other] = [await open(), await open()];
  for (let count = 0; count < 50; count += 1) {
    const made = await other.create(`volume-${count}`);
    expect(store.find(`volume-${count}`)).toEqual(made);
    await other.remove(made.id, nobody, force);
    expect(store.find(made.id)).toBeUndefined();
  }
  // The date of long ago is that of what was read.
  const kept = await other.create('kept');
  utimesSync(place(), 1000, 1000);
  expect(store.find('kept')).toEqual(kept);
  expect(store.find('kept')).toEqual(kept);
  await other.remove('kept', nobody, force);
  expect(store.find('kept')).toBeUndefined();
});

it('there is a most of them', async () => {
  const store = await open();
  const { id } = await store.create('one');
  const text = readFileSync(join(place(), id, 'volume.json'));
  for (let count = 1; count < 1000; count += 1) {
    const directory = join(place(), `v${String(count).padStart(20, '0')}`);
    mkdirSync(directory);
    writeFileSync(join(directory, 'volume.json'), text);
  }
  await expect(store.create()).rejects.toMatchObject({ code: 'resource_exhausted' });
  await store.remove(`v${'1'.padStart(20, '0')}`, nobody, force);
  await store.create('another');
});

it('one that cannot be understood is told by its place, and kept', async () => {
  const { id } = await (await open()).create('kept');
  writeFileSync(join(place(), id, 'volume.json'), '{"version": 2}');
  await expect(open()).rejects.toMatchObject({ code: 'ERR_VOLUMES_UNREADABLE', message: expect.stringContaining(id) });
  expect(names()).toEqual([id]);
});
