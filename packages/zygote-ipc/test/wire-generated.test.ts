import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const workspace = join(import.meta.dirname, '../../..');
const part = 'packages/zygote-ipc';
const table = `${part}/src/wire/messages.ts`;

let copy: string;
beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'hatchery-wire-'));
  for (const path of ['tools', `${part}/src/wire`, `${part}/native/wire`, `${part}/test/fixtures`, 'package.json']) {
    cpSync(join(workspace, path), join(copy, path), { recursive: true });
  }
});
afterEach(() => rmSync(copy, { recursive: true }));

function generate(root: string, ...args: string[]): { status: number | null; told: string } {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'tools/generate-wire.ts'), ...args], {
    encoding: 'utf8',
  });
  return { status, told: stderr };
}

function change(path: string, from: string, to: string): void {
  const text = readFileSync(join(copy, path), 'utf8');
  expect(text).toContain(from);
  writeFileSync(join(copy, path), text.replace(from, to));
}

test('both codecs are what the table says', () => {
  expect(generate(workspace, '--check')).toEqual({ status: 0, told: '' });
});

test('a generated file that was edited by hand fails the check by its name', () => {
  change(`${part}/native/wire/codec.generated.c`, 'wire_take_u32(r, "pid"', 'wire_take_u32(r, "PID"');
  const { status, told } = generate(copy, '--check');
  expect(status).toBe(1);
  expect(told).toContain(`${part}/native/wire/codec.generated.c is stale`);
  expect(told).not.toContain('codec.generated.ts');
});

test('a changed table without a new version is refused, with a new version it is generated', () => {
  change(table, "['firstId', u32,", "['firstId', u64,");
  expect(generate(copy)).toMatchObject({ status: 1, told: expect.stringContaining('raise wireVersion') });
  change(table, 'wireVersion = 4', 'wireVersion = 5');
  expect(generate(copy)).toMatchObject({ status: 0 });
  expect(generate(copy, '--check')).toMatchObject({ status: 0 });
});

test('a description may change without a new version', () => {
  change(table, 'step one of a create'.replace('step', 'Step'), 'The first step of a create');
  expect(generate(copy)).toMatchObject({ status: 0 });
});

// Mutation: previousDifferences returns []; without the fixture of version 1.
test('inv-75: what inits of an earlier version speak cannot be changed, with a new version either', () => {
  change(table, 'wireVersion = 4', 'wireVersion = 5');
  change(
    table,
    "['executions', u32, 'how many are in the table'],",
    "['executions', u64, 'how many are in the table'],",
  );
  const refused = generate(copy);
  expect(refused.status).toBe(1);
  expect(refused.told).toContain('message welcome differs from version 1, which inits still speak: use `since`');
  for (const version of [2, 3, 4]) expect(refused.told).toContain(`message welcome differs from version ${version}`);
  change(table, "['executions', u64,", "['executions', u32,");
  change(
    table,
    "['paused', bool, 'by `pause`, whoever sent it', 2],",
    "['paused', bool, '', 2], ['more', u32, '', 5],",
  );
  expect(generate(copy)).toEqual({ status: 0, told: '' });
  rmSync(join(copy, `${part}/test/fixtures/wire-v1.json`));
  expect(generate(copy, '--check')).toMatchObject({
    status: 1,
    told: expect.stringContaining('wire-v1.json is missing'),
  });
});

test('a `since` that no version can mean is refused by the name of the message', () => {
  change(table, "'by `pause`, whoever sent it', 2]", "'by `pause`, whoever sent it', 1]");
  expect(generate(copy)).toMatchObject({ status: 1, told: expect.stringContaining('message welcome: since 1') });
});

// Mutation: the test of `since` left out of checkDescriptors: the older end misses a descriptor, and nothing said so.
test('a single descriptor that came later is refused: only of a list is it told how many there are', () => {
  change(table, "'the cgroup directory that executions are born in'],", "'', 3],");
  expect(generate(copy)).toMatchObject({
    status: 1,
    told: expect.stringContaining('message start: descriptor work came later and is no list'),
  });
});

test('two messages of one tag are refused by name', () => {
  change(table, 'tag: 49', 'tag: 48');
  expect(generate(copy)).toMatchObject({
    status: 1,
    told: expect.stringContaining('ping and pong have the same tag 48'),
  });
});
