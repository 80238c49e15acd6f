import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  makeSandboxDirectory,
  readRecord,
  removeSandboxDirectory,
  type SandboxRecord,
  sandboxDirectory,
  writeRecord,
} from '../src/instance/record.ts';
import { compileSandboxSpec } from '../src/spec/sandbox-spec.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const record: SandboxRecord = {
  version: 1,
  id: 'a1',
  lifecycleId: 'l1',
  bootId: 'boot',
  token: 'ab'.repeat(32),
  firstId: 0x7000_0000,
  cgroup: 'a1',
  state: 'intent',
  init: null,
  createdAt: '2026-01-01T00:00:00.000Z',
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
  symlinkSync('/nonexistent', join(directory, 'record.json.new'));
  writeRecord(instance, record);
  expect(readdirSync(directory)).toEqual(['record.json']);
  expect(statSync(join(directory, 'record.json')).mode & 0o777).toBe(0o600);
  expect(statSync(directory).mode & 0o777).toBe(0o711);
});

test('an id that is taken, even by debris, is refused', () => {
  const instance = makeInstanceDirectory();
  makeSandboxDirectory(instance, 'a1');
  expect(() => makeSandboxDirectory(instance, 'a1')).toThrow('ERR_SANDBOX_EXISTS');
});

test.each([
  ['', 'JSON'],
  ['null', 'version'],
  ['{"version":2}', 'version 2'],
  [JSON.stringify({ ...record, id: 'b' }), 'fields'],
  [JSON.stringify({ ...record, token: 'x' }), 'fields'],
  [JSON.stringify({ ...record, firstId: 0 }), 'fields'],
  [JSON.stringify({ ...record, spec: null }), 'fields'],
  [JSON.stringify({ ...record, init: { pid: 1, startTime: '5' } }), 'fields'],
])('a record of %j is refused, typed, never half believed', (content, why) => {
  const instance = makeInstanceDirectory();
  writeFileSync(join(makeSandboxDirectory(instance, 'a1'), 'record.json'), content);
  expect(() => readRecord(instance, 'a1')).toThrow('ERR_SANDBOX_LOST');
  expect(() => readRecord(instance, 'a1')).toThrow(why);
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
