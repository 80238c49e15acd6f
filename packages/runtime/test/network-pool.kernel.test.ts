import { expect, test, vi } from 'vitest';
import type { Runtime, SandboxSpec } from '../src/index.ts';
import { expectReached, expectRefused, useMadeUpNetwork } from './made-up-network.ts';
import { ended, linesOf, nextLine, startProgram } from './run-program.ts';
import { shell } from './shell.ts';

const network = useMadeUpNetwork();
const server = '198.51.100.2';

const untilParked = (runtime: Runtime, count: number): Promise<unknown> =>
  vi.waitUntil(() => runtime.poolStats()?.parked === count, { timeout: 30_000 });

// Mutation, in turn: `hasSlot` left out of the key of a shape; setNetworkRules() left out of startInit.
test('inv-62: a parked sandbox with a slot reaches nothing, and has the rules of the one that takes it from its first instruction on', async () => {
  await using runtime = await network.open({ pool: { ceiling: 2 } });
  const first = await runtime.create({ network: { allow: ['203.0.113.9'] } });
  expect(first.createdFrom).toBe('demand');
  await untilParked(runtime, 1);
  expect(
    (await network.world.run('nft', 'list', 'map', 'inet', await table(), 'verdicts')).split(' : goto'),
  ).toHaveLength(2);
  const second = await runtime.create({ network: { allow: [server] } });
  expect([second.createdFrom, second.address === first.address]).toEqual(['pool', false]);
  await expectReached(second, server);
  await expectRefused(second, '203.0.113.9');
  await expectRefused(second, String(first.address));
  // One without a slot is none of these.
  const alone = await runtime.create();
  expect([alone.createdFrom, alone.address]).toEqual(['demand', null]);
  expect(await shell(alone, 'cat /etc/resolv.conf')).toBe('nameserver 127.0.0.1');
  await Promise.all([first, second, alone].map((sandbox) => sandbox.destroy()));
  await runtime.waitForLifecycles();
  expect((await runtime.census()).leaks).toEqual([]);
  await runtime.close();
  await network.expectNothing();
});

// Mutation: the shape of one with a slot has the name of one without: each create ends the other's demand.
test('sandboxes with and without a slot are kept ready side by side, though their images differ by the name servers', async () => {
  await using runtime = await network.open({ pool: { ceiling: 4 }, network: { resolvers: [server] } });
  const create = async (spec: SandboxSpec): Promise<string> => {
    const sandbox = await runtime.create(spec);
    await sandbox.destroy();
    return sandbox.createdFrom;
  };
  expect([await create({}), await create({ network: 'slot' })]).toEqual(['demand', 'demand']);
  for (let round = 0; round < 2; round++) {
    await vi.waitFor(() => expect(runtime.poolStats()).toMatchObject({ missing: 0 }), { timeout: 30_000 });
    expect([await create({}), await create({ network: 'slot' })]).toEqual(['pool', 'pool']);
  }
});

async function table(): Promise<string> {
  return /inet (\S+)/.exec(await network.world.run('nft', 'list', 'tables'))?.[1] ?? '';
}

/** Host ends of slots, by the number behind their instance. */
async function links(): Promise<string[]> {
  const lines = (await network.world.run('ip', '-br', 'link')).trim().split('\n');
  return lines.map((line) => line.split(/[ @]/)[0] ?? '').filter((name) => name !== 'lo' && name !== 'uplink');
}

// Mutation: Slots.take() asks nobody for a ready one.
test('a sandbox that is made on demand takes a slot that was made ahead', async () => {
  await using runtime = await network.open({ pool: { ceiling: 1 } });
  const first = await runtime.create({ id: 'first', network: 'slot' });
  await vi.waitUntil(async () => (await links()).length === 2, { timeout: 30_000 });
  expect((await runtime.census()).leaks).toEqual([]);
  const before = await links();
  const second = await runtime.create({ id: 'second', network: 'slot' });
  const routes = await network.world.run('ip', 'route', 'get', String(second.address));
  expect(before).toContain(/dev (\S+)/.exec(routes)?.[1]);
  await expectReached(second, server);
  await first.destroy();
  await second.destroy();
});

// Mutation: sweep() left out of releaseUnused().
test('kill -9 of a runtime that makes sandboxes and slots ahead: the next one has none of them, and counts none twice', async () => {
  const { place, world } = network;
  const { leaseDirectory } = world.options();
  const child = startProgram(new URL('./programs/leave-pool.ts', import.meta.url), [
    place.runDirectory,
    place.dataDirectory,
    place.instance,
    `/proc/${world.host.pid}/ns/net`,
    leaseDirectory,
  ]);
  const end = ended(child);
  expect(await nextLine(linesOf(child))).toBe('refilling');
  child.kill('SIGKILL');
  await end;
  await using runtime = await network.open();
  expect(runtime.list()).toEqual([]);
  const { counts, leaks } = await runtime.census();
  expect([counts.veth, counts.record, leaks]).toEqual([0, 0, []]);
  expect(await links()).toEqual([]);
  expect(world.leases()).toEqual([]);
});
