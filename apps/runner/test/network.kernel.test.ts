import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { World } from '../../../tests/made-up-network/made-up-world.ts';
import type { SandboxView } from '../src/wire/views.ts';
import { Server } from './server.ts';

/** A server on a made-up host, 198.51.100.1, whose world has servers at 198.51.100.2 and 203.0.113.9. */
async function startServer(...settings: string[]): Promise<Server> {
  const world = await World.make();
  onTestFinished(() => world.end());
  const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'hatchery-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const host = ['nsenter', `--net=/proc/${world.host.pid}/ns/net`];
  const server = await Server.start(directory, ['--on-exit', 'destroy', ...settings], host);
  onTestFinished(async () => {
    await server.stop();
    expect(await world.run('nft', 'list', 'tables')).toBe('');
  });
  return server;
}

/** Whether a program in the sandbox gets a connection. */
async function reaches(server: Server, id: string, address: string): Promise<boolean> {
  const { code } = await server.run(['exec', id, 'bash', '-c', `exec 3<>/dev/tcp/${address}/80`]);
  return code === 0;
}

// Mutation: PUT …/network does not call updateNetwork().
it('create --network gives a sandbox rules, network --rules and PUT replace them, and a sandbox without a slot takes none', async () => {
  const server = await startServer();
  const created = await server.run(['create', '--network', 'allow=198.51.100.2', '--json']);
  const { id, address } = JSON.parse(created.stdout.toString()) as SandboxView;
  expect(address).toMatch(/^10\.213\./);
  const seen = async () =>
    await Promise.all(['198.51.100.2', '203.0.113.9', '198.51.100.1'].map((one) => reaches(server, id, one)));
  expect(await seen()).toEqual([true, false, false]);
  expect(await server.run(['network', id, '--rules', 'deny=198.51.100.0/24'])).toMatchObject({ code: 0, stderr: '' });
  expect(await seen()).toEqual([false, true, false]);
  await server.client.call('PUT', `/v1/sandboxes/${id}/network`, { body: {} });
  expect(await seen()).toEqual([true, true, false]);
  const wrong = server.client.call('PUT', `/v1/sandboxes/${id}/network`, { body: { allow: ['all'] } });
  await expect(wrong).rejects.toMatchObject({ code: 'ERR_SPEC_INVALID' });
  const none = (await server.run(['create'])).stdout.toString().trim();
  expect(await server.run(['network', none, '--rules', 'slot'])).toMatchObject({
    code: 125,
    stderr: expect.stringContaining('[ERR_NOT_SUPPORTED]'),
  });
  await server.run(['rm', '--all']);
});

// Mutation, in turn: each of the three left out of networkOf().
it('serve --network-range, --network-uplink and --network-resolvers say what sandboxes with a network get', async () => {
  const resolvers = ['198.51.100.2', '203.0.113.9'];
  const names = ['--network-resolvers', resolvers.join(',')] as const;
  const server = await startServer('--network-range', '10.99.0.0/24', '--network-uplink', 'none0', ...names);
  const { id, address } = await server.client.call<SandboxView>('POST', '/v1/sandboxes', { body: { network: 'slot' } });
  expect(address).toMatch(/^10\.99\.0\./);
  const { stdout } = await server.run(['exec', id, 'cat', '/etc/resolv.conf']);
  expect(stdout.toString()).toBe(resolvers.map((one) => `nameserver ${one}\n`).join(''));
  // There is no such interface, and no way out by another.
  expect(await reaches(server, id, '198.51.100.2')).toBe(false);
  await server.run(['rm', id]);
});
