import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { dial } from '../raw-http.ts';
import { useBoxlite } from './use-boxlite.ts';

const used = useBoxlite();
const { create, server } = used;
let place = '';

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'hatchery-tar-'));
});
afterAll(() => rmSync(place, { recursive: true }));

/** What GNU tar makes of these words. */
function tarOf(...words: string[]): Buffer {
  return execFileSync('tar', ['-C', place, '-cf', '-', ...words], { maxBuffer: 2 ** 26 });
}

async function put(id: string, path: string, body: Buffer): Promise<[number, string]> {
  const answer = await fetch(`${server().url}/v1/boxes/${id}/files?path=${encodeURIComponent(path)}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${used.key()}`, 'content-type': 'application/x-tar' },
    body: new Uint8Array(body),
  });
  return [answer.status, await answer.text()];
}

/** Names of the entries of what a path is as an archive, or the code of the error. */
async function get(id: string, path: string): Promise<string[] | string> {
  const answer = await fetch(`${server().url}/v1/boxes/${id}/files?path=${encodeURIComponent(path)}`, {
    headers: { authorization: `Bearer ${used.key()}` },
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (answer.status !== 200) return (JSON.parse(String(bytes)) as { error: { code: string } }).error.code;
  return String(execFileSync('tar', ['-tf', '-'], { input: bytes }))
    .trim()
    .split('\n');
}

it('one file is the file at the path, whatever was there, or in the directory that is there', async () => {
  const id = await create();
  writeFileSync(join(place, 'one'), 'content');
  for (let again = 0; again < 2; again += 1) expect(await put(id, '/srv/new/named', tarOf('one'))).toEqual([204, '']);
  expect(await get(id, '/srv/new')).toEqual(['./', 'named']);
  await put(id, '/srv/new', tarOf('one'));
  await put(id, '/srv/other/', tarOf('one'));
  expect(await get(id, '/srv/new')).toEqual(['./', 'named', 'one']);
  expect(await get(id, '/srv/other')).toEqual(['./', 'one']);
  // A relative path is the root's.
  await put(id, 'srv/relative', tarOf('one'));
  expect(await get(id, 'srv/relative')).toEqual(['relative']);
});

// Mutation: receiveFiles() takes what list() gives, whatever `entries` says: then the directory with one file is the file.
it('anything else is a directory: one with a single file, files without a directory around them, a lone link', async () => {
  const id = await create();
  mkdirSync(join(place, 'single'), { recursive: true });
  writeFileSync(join(place, 'single/only'), 'x');
  writeFileSync(join(place, 'two'), 'x');
  symlinkSync('only', join(place, 'single-link'));
  await put(id, '/srv/single', tarOf('-C', 'single', '.'));
  await put(id, '/srv/both', tarOf('one', 'two'));
  await put(id, '/srv/below', tarOf('single/only'));
  await put(id, '/srv/link', tarOf('single-link'));
  await put(id, '/srv/none', Buffer.alloc(10_240));
  expect(await get(id, '/srv/single')).toEqual(['./', 'only']);
  expect(await get(id, '/srv/both')).toEqual(['./', 'one', 'two']);
  expect(await get(id, '/srv/below')).toEqual(['./', 'single/', 'single/only']);
  expect(await get(id, '/srv/link')).toEqual(['./', 'single-link']);
  expect(await get(id, '/srv/none')).toEqual(['./']);
});

// Mutation: no `finally` in receiveFiles().
it('inv-56: an archive that leads out, one that is broken and one that is broken off leave nothing at all', async () => {
  const id = await create();
  await put(id, '/srv/there', tarOf('one'));
  const out = tarOf('-P', '--transform=s,one,../../escaped,', 'one', 'two');
  const absolute = tarOf('-P', '--transform=s,one,/escaped,', 'one', 'two');
  for (const archive of [out, absolute, tarOf('one').subarray(0, 700), Buffer.alloc(512, 'x')]) {
    const [status, text] = await put(id, '/srv/place', archive);
    expect([status, text]).toEqual([400, expect.stringContaining('"invalid_argument"')]);
  }
  // A file in the way of a directory.
  expect(await put(id, '/srv/there', tarOf('one', 'two'))).toEqual([400, expect.stringContaining('invalid_argument')]);
  const request = `PUT /v1/boxes/${id}/files?path=/srv/place HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${used.key()}\r\n`;
  const socket = await dial(server().url, `${request}Content-Type: application/x-tar\r\nContent-Length: 10240\r\n\r\n`);
  socket.write(tarOf('one').subarray(0, 1024));
  await vi.waitFor(async () => expect(String(await get(id, '/srv'))).toContain('.incoming-'), { timeout: 20_000 });
  socket.destroy();
  await vi.waitFor(async () => expect(await get(id, '/srv')).toEqual(['./', 'there']), { timeout: 20_000 });
});

it('a path that is missing, that leads nowhere, or to what is no file', async () => {
  const id = await create();
  expect((await put(id, '', tarOf('one')))[0]).toBe(400);
  expect(await get(id, '')).toBe('invalid_argument');
  expect(await get(id, '/nowhere')).toBe('not_found');
  expect(await get(id, '/dev/null')).toBe('invalid_argument');
  expect((await put(id, '/etc/passwd/below', tarOf('one')))[0]).toBe(400);
  expect(await put('nobody', '/x', tarOf('one'))).toEqual([404, expect.stringContaining('not_found')]);
});
