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
  change(table, 'wireVersion = 1', 'wireVersion = 2');
  expect(generate(copy)).toMatchObject({ status: 0 });
  expect(generate(copy, '--check')).toMatchObject({ status: 0 });
});

test('a description may change without a new version', () => {
  change(table, 'step one of a create'.replace('step', 'Step'), 'The first step of a create');
  expect(generate(copy)).toMatchObject({ status: 0 });
});

test('two messages of one tag are refused by name', () => {
  change(table, 'tag: 49', 'tag: 48');
  expect(generate(copy)).toMatchObject({
    status: 1,
    told: expect.stringContaining('ping and pong have the same tag 48'),
  });
});
