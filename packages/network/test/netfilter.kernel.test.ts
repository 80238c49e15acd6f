import { closeFd, registeredFds } from '@hatchery/linux';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { World } from '../../../tests/made-up-network/made-up-world.ts';
import { openNetwork } from '../src/index.ts';
import { Netfilter } from '../src/netfilter.ts';
import { attribute, big32, message, nest } from '../src/netlink-message.ts';
import { batch, deleteTable, dumpRules, Family, newTable } from '../src/nft-message.ts';

let world: World;

beforeEach(async () => {
  world = await World.make();
});

afterEach(() => world.end());

/** Inodes of the sockets to netfilter that the made-up host has. */
async function sockets(): Promise<string[]> {
  const lines = (await world.run('cat', '/proc/net/netlink')).trim().split('\n').slice(1);
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, protocol]) => protocol === '12')
    .flatMap((fields) => fields.at(-1) ?? [])
    .filter((inode) => inode !== '0')
    .toSorted();
}

// Each close would hold up whoever changes rules in that namespace for 10 ms and more. Mutation: #exchange closes its socket.
test('slots come, get rules and go over the same sockets, and a closed network has none', async () => {
  const before = await sockets();
  const network = await openNetwork(world.options());
  const cycle = async (): Promise<void> => {
    const slot = await network.makeSlot();
    await network.setRules(slot, { allow: null, deny: [] });
    await network.setRules(slot, { allow: ['198.51.100.2'], deny: [] });
    closeFd(slot.netns);
    await network.release(slot);
  };
  await cycle();
  const during = await sockets();
  expect(during.length).toBeGreaterThan(before.length);
  for (let count = 0; count < 5; count++) await cycle();
  expect(await sockets()).toEqual(during);
  await network.close();
  expect(await sockets()).toEqual(before);
});

// Mutation: #exchange keeps the socket after an error; then the second refusal is the answer of the list.
test('what the kernel says of a refused exchange is nothing that the next one hears', async () => {
  const descriptors = registeredFds();
  const netfilter = new Netfilter(world.options().hostNetns);
  const refused = batch(['one', 'another'].map((name) => deleteTable(Family.inet, name)));
  await expect(netfilter.exchange(refused)).rejects.toMatchObject({ code: 'ENOENT' });
  await netfilter.exchange(batch([newTable(Family.inet, 'kept')]));
  expect((await netfilter.exchange(dumpRules(Family.inet, 'kept'))).length).toBe(0);
  await netfilter.exchange(batch([deleteTable(Family.inet, 'kept')]));
  await netfilter.close();
  expect(registeredFds()).toEqual(descriptors);
});

// As when a tracked connection ends before its deletion arrives. Mutation: netlink_exchange() does not discard what it did not ask for.
test('what the kernel says of messages that wanted no answer is nothing that the next exchange hears, however much it is', async () => {
  const netfilter = new Netfilter(world.options().hostNetns);
  const ctDelete = (1 << 8) | 2;
  const inet4 = Buffer.from([2, 0, 0, 0]);
  const addresses = nest(1, attribute(1, big32(0x0a000001)), attribute(2, big32(0x0a000002)));
  const udp = nest(
    2,
    attribute(1, Buffer.from([17])),
    attribute(2, Buffer.from([0, 1])),
    attribute(3, Buffer.from([0, 1])),
  );
  const ofNoConnection = message(ctDelete, 0, 1, inet4, nest(1, addresses, udp));
  for (const count of [1, 20_000]) {
    const answer = await netfilter.exchange(Buffer.concat(Array.from({ length: count }, () => ofNoConnection)));
    expect(answer.length).toBe(0);
    await netfilter.exchange(batch([newTable(Family.inet, 'kept')]));
    expect((await netfilter.exchange(dumpRules(Family.inet, 'kept'))).length).toBe(0);
    await netfilter.exchange(batch([deleteTable(Family.inet, 'kept')]));
  }
  await netfilter.close();
});

// Mutation: #turn is not waited for; then answers of one are taken for another's.
test('exchanges that are asked for at once have each its own answer, also those that are asked for after the close', async () => {
  const descriptors = registeredFds();
  const netfilter = new Netfilter(world.options().hostNetns);
  const names = Array.from({ length: 8 }, (_, index) => `t${index}`);
  await netfilter.exchange(batch(names.map((name) => newTable(Family.inet, name))));
  const removals = names.map((name) => netfilter.exchange(batch([deleteTable(Family.inet, name)])));
  const missing = netfilter.exchange(batch([deleteTable(Family.inet, 't0')]));
  const closed = netfilter.close();
  const late = netfilter.exchange(batch([newTable(Family.inet, 'late'), deleteTable(Family.inet, 'late')]));
  await Promise.all(removals);
  await expect(missing).rejects.toMatchObject({ code: 'ENOENT' });
  await closed;
  await late;
  expect(await world.run('nft', 'list', 'tables')).toBe('');
  expect(registeredFds()).toEqual(descriptors);
});
