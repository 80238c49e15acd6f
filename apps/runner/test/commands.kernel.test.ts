import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { RuntimeEvent } from '@hatchery/runtime';
import { expect, it, onTestFinished } from 'vitest';
import type { SandboxView } from '../src/wire/views.ts';
import { finish, start } from './hatchery.ts';
import { useServer } from './server.ts';

const server = useServer();

async function list(): Promise<SandboxView[]> {
  return JSON.parse((await server().run(['ps', '--json'])).stdout.toString()) as SandboxView[];
}

it('create prints the id, ps lists it, rm ends it', async () => {
  const created = await server().run(['create', '--metadata', 'owner=me', '--memory', '64m', '-e', 'WORD=x']);
  const id = created.stdout.toString().trim();
  expect([created.code, created.stderr, id]).toEqual([0, '', expect.stringMatching(/^i[a-z0-9]{20}$/)]);
  expect(await list()).toEqual([expect.objectContaining({ id, state: 'running', metadata: { owner: 'me' } })]);
  expect((await server().run(['ps'])).stdout.toString()).toMatch(
    new RegExp(`^ID +STATE +AGE +EXPIRES +EXECUTIONS +METADATA\n${id} +running +\\w+ +- +0 +owner=me\n$`),
  );
  expect((await server().run(['exec', id, 'sh', '-c', 'echo $WORD'])).stdout.toString()).toBe('x\n');
  expect((await server().run(['complete', '--', 'exec', ''])).stdout.toString()).toContain(id);
  expect(await server().run(['rm', id])).toMatchObject({ code: 0, stdout: Buffer.from(`${id}\n`), stderr: '' });
  expect(await list()).toEqual([]);
});

it('create --volume shows a directory of ours, by a path that begins where the command runs', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'hatchery-create-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'given'), 'from the host');
  const created = await server().run(['create', '-v', `${relative(process.cwd(), directory)}:/data:ro`]);
  const id = created.stdout.toString().trim();
  const read = await server().run(['exec', id, 'sh', '-c', 'cat /data/given; touch /data/x 2>&1 | grep -c Read-only']);
  expect([read.code, read.stdout.toString()]).toEqual([0, 'from the host1\n']);
  expect((await server().run(['rm', id])).code).toBe(0);
});

it('create --json prints all of it; a taken id, a wrong one and a wrong flag are refused and make nothing', async () => {
  const { stdout } = await server().run(['create', '--id', 'taken', '--json']);
  expect(JSON.parse(stdout.toString())).toMatchObject({ id: 'taken', state: 'running', expiresAt: null });
  for (const [args, code] of [
    [['--id', 'taken'], 'ERR_SANDBOX_EXISTS'],
    [['--id', 'A_B'], 'ERR_SPEC_INVALID'],
    [['--memory', '1'], 'ERR_SPEC_INVALID'],
    [['--metadata', 'x'], 'ERR_SPEC_INVALID'],
    [['--image', '/no/such/directory'], 'ERR_IMAGE_NOT_FOUND'],
  ] as const) {
    const refused = await server().run(['create', ...args]);
    expect([args, refused.code, refused.stdout.toString()]).toEqual([args, 125, '']);
    expect(refused.stderr).toMatch(new RegExp(`^hatchery: \\[${code}\\] .*\n$`));
  }
  expect((await list()).map(({ id }) => id)).toEqual(['taken']);
  await server().run(['rm', 'taken']);
});

it('rm tells which are not there and removes the others; -f does not mind; --all leaves none', async () => {
  for (const id of ['a', 'b', 'c', 'd']) await server().client.call('POST', '/v1/sandboxes', { body: { id } });
  const some = await server().run(['rm', 'a', 'nowhere', 'b']);
  expect([some.code, some.stdout.toString().split('\n').sort().join(' ').trim()]).toEqual([125, 'a b']);
  expect(some.stderr).toMatch(/^hatchery: \[ERR_SANDBOX_NOT_FOUND\] sandbox nowhere: .*\n$/);
  expect(await server().run(['rm', '-f', 'nowhere'])).toMatchObject({ code: 0, stdout: Buffer.alloc(0), stderr: '' });
  expect((await server().run(['rm'])).stderr).toContain('[ERR_USAGE]');
  expect((await server().run(['rm', '--all'])).code).toBe(0);
  expect(await list()).toEqual([]);
  expect((await server().run(['rm', '--all'])).code).toBe(0);
});

it('events tells what happens, a line each, until its reader has gone or the server ends', async () => {
  const following = start(['events', '--json'], server().env);
  const ended = finish(following);
  const told = { text: '' };
  following.stdout.on('data', (chunk: Buffer) => (told.text += chunk.toString()));
  // It is told from its connection on, which it does not print.
  while (!/"created".*\n.*"destroyed"/.test(told.text)) {
    await server().client.call('POST', '/v1/sandboxes', { body: { id: 'told' } });
    await server().client.call('DELETE', '/v1/sandboxes/told');
    await new Promise((resolve) => setImmediate(resolve));
  }
  const events = told.text
    .slice(0, told.text.lastIndexOf('\n'))
    .split('\n')
    .map((line) => JSON.parse(line) as RuntimeEvent);
  const first = events.findIndex(({ type }) => type === 'created');
  expect(events[first]).toMatchObject({ sandboxId: 'told', reason: null });
  expect(events[first + 1]).toMatchObject({ type: 'destroyed', sandboxId: 'told', reason: 'destroyed' });
  following.kill('SIGINT');
  expect((await ended).signal).toBe('SIGINT');
});

it('logs without an execution says so', async () => {
  await server().client.call('POST', '/v1/sandboxes', { body: { id: 'quiet' } });
  expect(await server().run(['logs', 'quiet'])).toMatchObject({
    code: 125,
    stderr: expect.stringContaining('has no execution'),
  });
  expect((await server().run(['logs', 'quiet', 'bogus'])).stderr).toMatch(/^hatchery: \[ERR_EXECUTION_NOT_FOUND\] /);
  await server().run(['rm', 'quiet']);
});
