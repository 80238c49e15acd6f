import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readRecord, writeRecord } from '../src/instance/record.ts';
import { expectReached, expectRefused, useMadeUpNetwork } from './made-up-network.ts';
import { ended, linesOf, nextLine, startProgram } from './run-program.ts';

const network = useMadeUpNetwork();
const server = '198.51.100.2';

/** Leaves the sandbox `left` with these rules; its runner is killed. */
async function leave(options: { instance?: string; rules?: object } = {}): Promise<void> {
  const { place, world } = network;
  const { instance = place.instance, rules } = options;
  const child = startProgram(new URL('./programs/leave-networked.ts', import.meta.url), [
    place.runDirectory,
    place.dataDirectory,
    instance,
    `/proc/${world.host.pid}/ns/net`,
    world.options().leaseDirectory,
    rules === undefined ? '' : JSON.stringify(rules),
  ]);
  const end = ended(child);
  expect(await nextLine(linesOf(child))).toBe('ready');
  child.kill('SIGKILL');
  expect(await end).toMatchObject({ signal: 'SIGKILL' });
}

// Mutation, in turn: adoptSlot() left out of adoptRunning(); updateNetwork() does not save.
test('inv-62: after kill -9 of the runner the rules that were given last hold on, before and after the next has it', async () => {
  await leave({ rules: { deny: ['203.0.113.0/24'] } });
  await using runtime = await network.open();
  const sandbox = runtime.get('left');
  if (sandbox === undefined) throw new Error('it was not adopted');
  await expectReached(sandbox, server);
  await expectRefused(sandbox, '203.0.113.9');
  await expectRefused(sandbox, '198.51.100.1');
  // What it held open goes on, as nothing was cut.
  expect(sandbox.executions()).toHaveLength(1);
  await sandbox.updateNetwork({ allow: [] });
  await expectRefused(sandbox, server);
  expect((await runtime.census()).leaks).toEqual([]);
});

test('inv-62: when somebody flushed all rules meanwhile, they are in force before the sandbox can be used', async () => {
  await leave({ rules: { allow: ['203.0.113.9'] } });
  await network.world.run('nft', 'flush', 'ruleset');
  await using runtime = await network.open();
  const sandbox = runtime.get('left');
  if (sandbox === undefined) throw new Error('it was not adopted');
  await expectRefused(sandbox, server);
  await expectReached(sandbox, '203.0.113.9');
});

// Mutation seen red: adoptSlot() without the namespace.
test('inv-62: a runner killed between record and rules: the next puts those on record in force, and tells the socket inside', async () => {
  await leave();
  const directory = join(network.place.runDirectory, 'instances', network.place.instance);
  const record = readRecord(directory, 'left');
  if (record === null) throw new Error('it has no record');
  writeRecord(directory, { ...record, spec: { ...record.spec, network: { allow: ['203.0.113.9'], deny: [] } } });
  await using runtime = await network.open();
  const sandbox = runtime.get('left');
  const [held] = sandbox?.executions() ?? [];
  if (sandbox === undefined || held === undefined) throw new Error('it was not adopted');
  // Its cat reads what comes from there: nothing would, for ever.
  expect((await held.wait()).exitCode).not.toBe(0);
  await expectRefused(sandbox, server);
  await expectReached(sandbox, '203.0.113.9');
});

// Mutation: a failed adoptSlot() is told and passed over.
test('inv-62: a sandbox whose slot cannot be adopted is ended, and nothing of it is left', async () => {
  await leave();
  const directory = join(network.place.runDirectory, 'instances', network.place.instance);
  const record = readRecord(directory, 'left');
  if (record?.slot === null || record === null) throw new Error('it has no slot on record');
  writeRecord(directory, { ...record, slot: { ...record.slot, interfaceName: 'hsomebodyelse' } });
  await using runtime = await network.open();
  expect(runtime.list()).toEqual([]);
  await runtime.close();
  await network.expectNothing();
});

// Mutations seen red: prepareSlots() left out of adoptInstance(); requireInRange() of prepareAdoption().
test('inv-44: an opening that can have no slots, or has others, fails by name, and the sandbox runs on for the next', async () => {
  await leave({ rules: { allow: [server] } });
  for (const addressRange of ['10.213.0.0/33', '10.77.0.0/16'])
    await expect(network.open({ network: { addressRange } })).rejects.toThrow(
      /1 sandboxes run on network slots and run on/,
    );
  await using runtime = await network.open();
  const sandbox = runtime.get('left');
  if (sandbox === undefined) throw new Error('it was not adopted');
  await expectReached(sandbox, server);
  await expectRefused(sandbox, '203.0.113.9');
});

// Mutation: sweepNetworkOf() left out of sweepInstance().
test('inv-45: what a private instance left in the kernel goes with the next opening of any', async () => {
  await leave({ instance: '' });
  const runtime = await network.open();
  await runtime.close();
  await network.expectNothing();
  const left = readdirSync(join(network.place.runDirectory, 'instances'));
  expect(left.filter((name) => name.startsWith('private-'))).toEqual([]);
});

test('inv-45: a runtime that is closed and keeps its sandboxes leaves their rules, and the next one ends with nothing', async () => {
  const first = await network.open();
  const { id } = await first.create({ network: { allow: [server] } });
  await first.close({ sandboxes: 'keep' });
  expect(await network.world.run('nft', 'list', 'tables')).not.toBe('');
  const second = await network.open();
  const sandbox = second.get(id);
  if (sandbox === undefined) throw new Error('it was not adopted');
  await expectReached(sandbox, server);
  await expectRefused(sandbox, '203.0.113.9');
  await second.close();
  expect(existsSync(join(network.place.runDirectory, 'instances', network.place.instance, 'network'))).toBe(false);
});
