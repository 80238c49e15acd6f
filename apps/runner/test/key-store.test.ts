import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { KeyStore } from '../src/keys/key-store.ts';

let directory: string;
const file = (): string => join(directory, 'keys.json');

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hatchery-keys-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

it('makes keys that clients of E2B take, and knows them and nothing like them', async () => {
  const store = KeyStore.open(directory);
  const key = await store.create('a');
  expect(key).toMatch(/^e2b_[0-9a-f]{40}$/);
  expect(await store.create('b')).not.toBe(key);
  expect(store.accepts(key)).toBe(true);
  for (const other of [
    '',
    'e2b_',
    key.slice(0, -1),
    `${key}0`,
    key.toUpperCase(),
    ` ${key}`,
    key.slice(4),
    'x'.repeat(10_000),
  ])
    expect([other, store.accepts(other)]).toEqual([other, false]);
});

it('keeps no key, only its hash, in a file of our own', async () => {
  const key = await KeyStore.open(directory).create('a');
  const text = readFileSync(file(), 'utf8');
  expect(text).not.toContain(key.slice(0, 9));
  expect(statSync(file()).mode & 0o777).toBe(0o600);
});

// Mutation: accepts() reads the file once.
it('sees at once what another one has made or revoked', async () => {
  const [ours, theirs] = [KeyStore.open(directory), KeyStore.open(directory)];
  for (let round = 0; round < 20; round++) {
    const key = await theirs.create('a');
    expect(ours.accepts(key)).toBe(true);
    await theirs.revoke('a');
    expect(ours.accepts(key)).toBe(false);
  }
});

// Mutation: withLock() does not take the lock.
it('loses none of many that are made at once', async () => {
  const workers = ['a', 'b', 'c', 'd'].map(
    (name) =>
      new Worker(new URL('workers/create-keys.ts', import.meta.url), { workerData: { directory, name, count: 25 } }),
  );
  expect(await Promise.all(workers.map((worker) => once(worker, 'exit')))).toEqual([[0], [0], [0], [0]]);
  expect(KeyStore.open(directory).list()).toHaveLength(100);
});

it('makes a first key once, and not again when all have been revoked', async () => {
  const store = KeyStore.open(directory);
  const key = await store.createFirst('default');
  expect(store.accepts(key ?? '')).toBe(true);
  expect(await store.createFirst('default')).toBe(null);
  await store.revoke('default');
  expect(await store.createFirst('default')).toBe(null);
});

it('refuses names that are taken, absent or no names', async () => {
  const store = KeyStore.open(directory);
  await store.create('a');
  await expect(store.create('a')).rejects.toMatchObject({ code: 'ERR_KEY_EXISTS' });
  await expect(store.revoke('b')).rejects.toMatchObject({ code: 'ERR_KEY_NOT_FOUND' });
  for (const name of ['', 'a b', '-a', 'a\n', 'a'.repeat(65)])
    await expect(store.create(name)).rejects.toMatchObject({ code: 'ERR_USAGE' });
});

it('lets nobody in by a file that is broken, that others could have written, or that is gone', async () => {
  const store = KeyStore.open(directory);
  const key = await store.create('a');
  const good = readFileSync(file());
  for (const text of ['', '{', '[]', '{"version":2,"keys":[]}', '{"version":1,"keys":[{"name":"a"}]}']) {
    writeFileSync(file(), text);
    expect(() => store.accepts(key)).toThrow(/ERR_KEY_STORE.*keys\.json.*;/);
    expect(() => KeyStore.open(directory)).toThrow('ERR_KEY_STORE');
  }
  writeFileSync(file(), good);
  expect(store.accepts(key)).toBe(true);
  chmodSync(file(), 0o620);
  expect(() => store.accepts(key)).toThrow(/ERR_KEY_STORE.*others may write.*chmod 600/);
  rmSync(file());
  expect(store.accepts(key)).toBe(false);
});

it('writes through no symlink that somebody left at the name of its temporary file', async () => {
  const other = join(directory, 'other');
  writeFileSync(other, 'kept');
  symlinkSync(other, `${file()}.new`);
  await KeyStore.open(directory).create('a');
  expect(readFileSync(other, 'utf8')).toBe('kept');
});
