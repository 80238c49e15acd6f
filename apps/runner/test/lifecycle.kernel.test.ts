import { expect, it } from 'vitest';
import type { SandboxView } from '../src/wire/views.ts';
import { useServer } from './server.ts';

const server = useServer();

async function stateOf(id: string): Promise<string> {
  return (await server().client.call<SandboxView>('GET', `/v1/sandboxes/${id}`)).state;
}

it('pause freezes sandboxes, exec into one is refused at once, resume lets them go on', async () => {
  for (const id of ['a', 'b']) await server().client.call('POST', '/v1/sandboxes', { body: { id } });
  const paused = await server().run(['pause', 'a', 'nowhere', 'b']);
  expect([paused.code, paused.stdout.toString().split('\n').sort().join(' ').trim()]).toEqual([125, 'a b']);
  expect(paused.stderr).toMatch(/^hatchery: \[ERR_SANDBOX_NOT_FOUND\] sandbox nowhere: .*\n$/);
  expect([await stateOf('a'), await stateOf('b')]).toEqual(['paused', 'paused']);
  expect(await server().run(['exec', 'a', 'true'])).toMatchObject({
    code: 125,
    stderr: expect.stringMatching(/^hatchery: \[ERR_SANDBOX_STATE\] .*paused.*resume/),
  });
  expect((await server().run(['stats', '--json', 'a'])).code).toBe(0);
  expect(await server().run(['resume', 'a'])).toMatchObject({ code: 0, stdout: Buffer.from('a\n') });
  expect((await server().run(['exec', 'a', 'echo', 'on'])).stdout.toString()).toBe('on\n');
  // A paused one, too.
  expect((await server().run(['rm', '--all'])).code).toBe(0);
});

it('stop and start are refused for a root in memory, with what to do', async () => {
  await server().client.call('POST', '/v1/sandboxes', { body: { id: 'memory' } });
  for (const [change, code] of [
    ['stop', 'ERR_NOT_SUPPORTED'],
    ['start', 'ERR_SANDBOX_STATE'],
  ] as const)
    expect(await server().run([change, 'memory'])).toMatchObject({
      code: 125,
      stderr: expect.stringContaining(`[${code}]`),
    });
  expect(await stateOf('memory')).toBe('running');
  await server().run(['rm', 'memory']);
});

it('stop keeps the files of a root on disk, start makes a new lifecycle on them', async () => {
  const created = await server().run(['create', '--id', 'disk', '--root', 'disk', '--json']);
  const { lifecycleId } = JSON.parse(created.stdout.toString()) as SandboxView;
  await server().run(['exec', 'disk', 'sh', '-c', 'echo kept > /root/file']);
  expect(await server().run(['stop', 'disk'])).toMatchObject({ code: 0, stdout: Buffer.from('disk\n'), stderr: '' });
  expect(await stateOf('disk')).toBe('stopped');
  expect((await server().run(['exec', 'disk', 'true'])).stderr).toMatch(/^hatchery: \[ERR_SANDBOX_STATE\] .*stopped/);
  expect((await server().run(['stats', '--json'])).stdout.toString()).toBe('[]\n');
  expect(await server().run(['start', 'disk'])).toMatchObject({ code: 0, stdout: Buffer.from('disk\n'), stderr: '' });
  expect((await server().run(['exec', 'disk', 'cat', '/root/file'])).stdout.toString()).toBe('kept\n');
  const again = await server().client.call<SandboxView>('GET', '/v1/sandboxes/disk');
  expect(again.lifecycleId).not.toBe(lifecycleId);
  await server().run(['rm', 'disk']);
});

it('a sandbox ends at its timeout, which can be changed', async () => {
  const { stdout } = await server().run(['create', '--timeout', '1h', '--json']);
  const { id, expiresAt } = JSON.parse(stdout.toString()) as SandboxView;
  expect(Date.parse(expiresAt ?? '') - Date.now()).toBeGreaterThan(3_000_000);
  await server().client.call('PUT', `/v1/sandboxes/${id}/timeout`, { body: { timeoutMs: 1 } });
  while ((await server().client.call<{ sandboxes: SandboxView[] }>('GET', '/v1/sandboxes')).sandboxes.length > 0);
});

it('stats tells what is used, a table or JSON', async () => {
  await server().client.call('POST', '/v1/sandboxes', { body: { id: 'used' } });
  const [line] = JSON.parse((await server().run(['stats', '--json'])).stdout.toString()) as Record<string, unknown>[];
  expect(line).toMatchObject({ id: 'used', pids: expect.any(Number), cpuMs: expect.any(Number) });
  expect((await server().run(['stats', 'used'])).stdout.toString()).toMatch(
    /^ID +CPU +MEMORY +PEAK +PIDS +OOM-KILLS\nused +\S+ +\S+ +\S+ +\d+ +\d+\n$/,
  );
  expect(await server().run(['stats', 'nowhere'])).toMatchObject({
    code: 125,
    stderr: expect.stringContaining('NOT_FOUND'),
  });
  await server().run(['rm', 'used']);
});

it('census counts what there is and finds no leak; gc has nothing to do', async () => {
  await server().client.call('POST', '/v1/sandboxes', { body: { id: 'counted' } });
  const table = await server().run(['census']);
  expect([table.code, table.stdout.toString()]).toEqual([
    0,
    expect.stringMatching(/^KIND +COUNT +LEAKS\nprocess +\d+ +0\n/),
  ]);
  const before = JSON.parse((await server().run(['census', '--json'])).stdout.toString());
  expect(before).toMatchObject({ counts: { record: 1, directory: 1 }, leaks: [], quarantined: [] });
  await server().run(['rm', 'counted']);
  const { counts } = JSON.parse((await server().run(['census', '--json'])).stdout.toString());
  expect(counts).toMatchObject({ record: 0, directory: 0, socket: 0 });
  expect(await server().run(['gc'])).toMatchObject({ code: 0, stdout: Buffer.alloc(0), stderr: '' });
  expect(JSON.parse((await server().run(['gc', '--json'])).stdout.toString())).toEqual({
    removed: [],
    quarantined: [],
  });
});
