import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatRecord, readRecord, type SandboxRecord, writeRecord } from '../src/instance/record.ts';
import { makeSandboxDirectory, removeSandboxDirectory, sandboxDirectory } from '../src/instance/sandbox-directory.ts';
import { compileSandboxSpec } from '../src/spec/sandbox-spec.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const record: SandboxRecord = {
  version: 2,
  id: 'a1',
  lifecycleId: 'l1',
  bootId: 'boot',
  token: 'ab'.repeat(32),
  firstId: 0x7000_0000,
  wireVersion: 2,
  cgroups: ['/sys/fs/cgroup/unified/hatchery/t/a1', '/sys/fs/cgroup/memory/hatchery/t/a1'],
  range: '/run/hatchery-ids/70000000',
  root: null,
  slot: null,
  deadline: null,
  state: 'intent',
  init: null,
  createdAt: '2026-01-01T00:00:00.000Z',
  createdFrom: 'demand',
  spec: compileSandboxSpec({ id: 'a1', env: { A: '1', ['__proto__']: 'x' }, limits: { cpus: 0.5 } }),
};

function makeInstanceDirectory(): string {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'sandboxes'));
  return directory;
}

test('a record comes back as it was written, and the newer one replaces it', () => {
  const instance = makeInstanceDirectory();
  expect(makeSandboxDirectory(instance, 'a1')).toBe(join(instance, 'sandboxes/a1'));
  expect(readRecord(instance, 'a1')).toBeNull();
  writeRecord(instance, record);
  expect(readRecord(instance, 'a1')).toEqual(record);
  const running = { ...record, state: 'running', init: { pid: 5, startTime: '77' } } as const;
  writeRecord(instance, running);
  expect(readRecord(instance, 'a1')).toEqual(running);
});

test('only its owner can read a record, and no temporary file stays beside it', () => {
  const instance = makeInstanceDirectory();
  const directory = makeSandboxDirectory(instance, 'a1');
  // A crash left this; it must neither be followed nor stop the next write.
  symlinkSync('/nonexistent', join(directory, 'record.new'));
  writeRecord(instance, record);
  expect(readdirSync(directory)).toEqual(['record']);
  expect(statSync(join(directory, 'record')).mode & 0o777).toBe(0o600);
  expect(statSync(directory).mode & 0o777).toBe(0o711);
});

test('an id that is taken, even by debris, is refused', () => {
  const instance = makeInstanceDirectory();
  makeSandboxDirectory(instance, 'a1');
  expect(() => makeSandboxDirectory(instance, 'a1')).toThrow('ERR_SANDBOX_EXISTS');
});

/** A record whose JSON has these fields, and a head to match. */
function textWith(changes: object): string {
  return formatRecord({ ...record, ...changes });
}

// Mutation: any one of the checks in parseRecord() left out.
test.each([
  ['', 'record'],
  ['null', 'record'],
  ['hatchery-record 2\n\nnull\n', 'version'],
  [textWith({ version: 3 }), 'version 3'],
  [textWith({ id: 'b' }), 'fields'],
  [textWith({ token: 'x' }), 'fields'],
  [textWith({ firstId: 0 }), 'fields'],
  [textWith({ spec: null }), 'fields'],
  [textWith({ init: { pid: 1, startTime: '5' } }), 'fields'],
  [textWith({ cgroups: ['relative'] }), 'fields'],
  [textWith({ wireVersion: 9 }), 'fields'],
  [textWith({ range: 'relative' }), 'fields'],
  [textWith({ root: 'relative' }), 'fields'],
  [textWith({ state: 'asleep' }), 'fields'],
  [textWith({ bootId: 5 }), 'fields'],
  [textWith({ lifecycleId: null }), 'fields'],
  [textWith({ createdAt: 5 }), 'fields'],
  [textWith({ spec: { ...record.spec, volumes: [{ source: 'a', target: '/b', readOnly: true }] } }), 'fields'],
  [textWith({ spec: { ...record.spec, volumes: [{ source: '/a', target: '/b' }] } }), 'fields'],
  [textWith({ spec: { ...record.spec, volumes: [null] } }), 'fields'],
  [textWith({ slot: { interfaceName: '../up', address: '10.213.0.1', gateway: '10.213.0.0' } }), 'fields'],
  [textWith({ slot: { interfaceName: 'h1', address: '10.213.0.1' } }), 'fields'],
  [textWith({ slot: { id: '../up', interfaceName: 'h1', address: '10.213.0.1', gateway: '10.213.0.0' } }), 'fields'],
  [textWith({ spec: { ...record.spec, network: { allow: ['everything'], deny: [] } } }), 'fields'],
  [textWith({ spec: { ...record.spec, network: {} } }), 'fields'],
  [textWith({ deadline: { monotonicMs: '5', wall: '2026-01-01T00:00:00.000Z' } }), 'fields'],
  [textWith({}).replace('/memory/', '/elsewhere/'), 'head'],
  [textWith({}).slice(0, -20), 'JSON'],
])('a record of %j is refused, typed, never half believed', (content, why) => {
  const instance = makeInstanceDirectory();
  writeFileSync(join(makeSandboxDirectory(instance, 'a1'), 'record'), content);
  expect(() => readRecord(instance, 'a1')).toThrow('ERR_SANDBOX_LOST');
  expect(() => readRecord(instance, 'a1')).toThrow(why);
});

test('its head names what a teardown needs, a line each, before everything else', () => {
  expect(formatRecord({ ...record, init: { pid: 5, startTime: '77' }, root: '/data/a1' }).split('\n\n')[0]).toBe(
    [
      'hatchery-record 2',
      'id a1',
      'boot boot',
      'init 5 77',
      'cgroup /sys/fs/cgroup/unified/hatchery/t/a1',
      'cgroup-v1 /sys/fs/cgroup/memory/hatchery/t/a1',
      'range /run/hatchery-ids/70000000',
      'root /data/a1',
    ].join('\n'),
  );
});

test('inv-75: a record of the build before this one is read, with what that one did not know left at its default', () => {
  const instance = makeInstanceDirectory();
  const { id, lifecycleId, bootId, token, firstId, state, init, createdAt } = record;
  const {
    root: _root,
    volumes: _volumes,
    network: _network,
    timeoutMs: _timeoutMs,
    onTimeout: _onTimeout,
    ...spec
  } = record.spec;
  const previous = { version: 1, id, lifecycleId, bootId, token, firstId, cgroup: id, state, init, createdAt, spec };
  // Mutation: the file name `record.json` no longer looked at.
  writeFileSync(join(makeSandboxDirectory(instance, id), 'record.json'), `${JSON.stringify(previous)}\n`);
  const places = { cgroups: [], range: null, wireVersion: 1 };
  expect(readRecord(instance, id)).toEqual({ ...record, ...places });
});

test('inv-75: a record of a build without network slots has none', () => {
  const instance = makeInstanceDirectory();
  const { network: _network, ...spec } = record.spec;
  writeFileSync(join(makeSandboxDirectory(instance, 'a1'), 'record'), textWith({ spec, slot: undefined }));
  expect(readRecord(instance, 'a1')).toEqual(record);
});

// Mutation seen red: parseRecord() gives back the slot as it is.
test('inv-75: a slot of a build whose slots had no ids is read as one without', () => {
  const instance = makeInstanceDirectory();
  const slot = { interfaceName: 'h1', address: '10.213.0.1', gateway: '10.213.0.0' };
  writeFileSync(join(makeSandboxDirectory(instance, 'a1'), 'record'), textWith({ slot }));
  expect(readRecord(instance, 'a1')?.slot).toEqual({ ...slot, id: '' });
});

// Mutation: parseRecord() gives back the spec as it is.
test('inv-75: a record of a build without volumes has none', () => {
  const instance = makeInstanceDirectory();
  const { volumes: _volumes, ...spec } = record.spec;
  writeFileSync(join(makeSandboxDirectory(instance, 'a1'), 'record'), textWith({ spec }));
  expect(readRecord(instance, 'a1')).toEqual(record);
  const volumes = [{ source: '/srv', target: '/data', readOnly: true }];
  writeRecord(instance, { ...record, spec: { ...record.spec, volumes } });
  expect(readRecord(instance, 'a1')?.spec.volumes).toEqual(volumes);
});

test('removal takes the flat directory, any number of times, and nothing below one that is not empty', () => {
  const instance = makeInstanceDirectory();
  const directory = makeSandboxDirectory(instance, 'a1');
  writeRecord(instance, record);
  mkdirSync(join(directory, 'mount/inside'), { recursive: true });
  expect(() => removeSandboxDirectory(instance, 'a1')).toThrow('ENOTEMPTY');
  // Still found by its record.
  expect(readRecord(instance, 'a1')).toEqual(record);
  removeSandboxDirectory(instance, 'other');
  const flat = makeSandboxDirectory(instance, 'b');
  mkdirSync(join(flat, 'empty'));
  writeFileSync(join(flat, 'init.sock'), '');
  removeSandboxDirectory(instance, 'b');
  removeSandboxDirectory(instance, 'b');
  expect(existsSync(sandboxDirectory(instance, 'b'))).toBe(false);
});
