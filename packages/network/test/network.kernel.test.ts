/** Long, because all of it is asked of one made-up host, which each test leaves as it found it. */
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { closeFd, registeredFds } from '@hatchery/linux';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Agent, clouds, World } from '../../../tests/made-up-network/made-up-world.ts';
import { type Network, openNetwork, type Slot, sweepNetwork } from '../src/index.ts';
import { readGeneration } from '../src/kernel-state.ts';
import { Netfilter } from '../src/netfilter.ts';
import { arpForgery, forgery } from './forgery.ts';
import { expectRefused } from './refusals.ts';

const open = { allow: null, deny: [] };

let world: World;
let agents: Agent[];
let descriptors: number[];

beforeEach(async () => {
  world = await World.make();
  agents = [];
  descriptors = registeredFds();
});

// Nothing of a test is left in its host: no table, no interface, no lease, no descriptor. A test that failed leaves them to here.
afterEach(async () => {
  vi.restoreAllMocks();
  try {
    await Promise.all(agents.map((agent) => agent.end()));
    expect(registeredFds()).toEqual(descriptors);
    expect(await world.run('nft', 'list', 'tables')).toBe('');
    expect(
      (await world.run('ip', '-br', 'link'))
        .trim()
        .split('\n')
        .map((line) => line.split(/[ @]/)[0]),
    ).toEqual(['lo', 'uplink']);
    expect(world.leases()).toEqual([]);
  } finally {
    for (const fd of registeredFds()) if (!descriptors.includes(fd)) closeFd(fd);
    await world.end();
  }
});

async function enter(slot: Slot): Promise<Agent> {
  const agent = await Agent.in(slot.netns);
  agents.push(agent);
  return agent;
}

/** Whether the host still knows a connection of the slot's. */
async function tracked(slot: Slot): Promise<boolean> {
  return (await world.run('cat', '/proc/net/nf_conntrack')).includes(`src=${slot.address} `);
}

async function end(network: Network, ...slots: Slot[]): Promise<void> {
  await Promise.all(agents.splice(0).map((agent) => agent.end()));
  for (const slot of slots) {
    closeFd(slot.netns);
    await network.release(slot);
  }
  await network.close();
}

/** Its runner is dead: nothing was closed, but the sockets of a process go with it. */
function dies(): void {
  for (const fd of registeredFds())
    if (!descriptors.includes(fd) && readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:')) closeFd(fd);
}

// Red without the masquerade rule.
test('an open slot reaches the world through the host, whose address is all that the world sees', async () => {
  const network = await openNetwork(world.options());
  const slot = await network.makeSlot({ sandboxId: 'one' });
  await network.setRules(slot, open);
  const agent = await enter(slot);
  expect(await agent.do({ do: 'tcp', address: '198.51.100.2', port: 80 })).toMatchObject({
    outcome: 'reached, seen as 198.51.100.1',
  });
  expect(await agent.do({ do: 'udp', address: '203.0.113.9', port: 53 })).toMatchObject({ outcome: 'reached' });
  expect(await agent.do({ do: 'ping', address: '198.51.100.2' })).toMatchObject({ outcome: 'reached' });
  await end(network, slot);
});

// Red when `outward` lets destinations that are not unicast pass and `host` accepts, and without 169.254.0.0/16. One of the first two alone holds.
test('inv-62: an open slot reaches neither the host at any address, nor metadata, nor another slot, nor IPv6, and is told within 50 ms', async () => {
  const network = await openNetwork(world.options());
  const other = await openNetwork(world.options('b'));
  const slots = [await network.makeSlot(), await network.makeSlot(), await other.makeSlot()] as const;
  await network.setRules(slots[0], open);
  await network.setRules(slots[1], open);
  await other.setRules(slots[2], open);
  const agent = await enter(slots[0]);
  for (const slot of [slots[1], slots[2]])
    await (await enter(slot)).do({ do: 'serve', port: 80, addresses: [slot.address] });
  const hidden = [
    '198.51.100.1',
    '172.31.0.1',
    '169.254.0.7',
    ...clouds,
    slots[0].gateway,
    slots[1].address,
    slots[1].gateway,
    slots[2].address,
  ];
  for (const address of hidden) {
    for (const port of [80, 53]) await expectRefused(agent, { do: 'tcp', address, port }, `tcp ${address}:${port}`);
  }
  // Few of each: the kernel lets a host tell one peer of 6 refusals at once and of one a second then, but for TCP.
  for (const address of ['198.51.100.1', slots[2].address])
    await expectRefused(agent, { do: 'udp', address, port: 53 }, `udp ${address}`);
  expect((await agent.do({ do: 'ping', address: '169.254.169.254' })).outcome).toBe('EHOSTUNREACH');
  expect((await agent.do({ do: 'ping', address: slots[1].address })).outcome).toBe('EHOSTUNREACH');
  for (const address of ['::ffff:198.51.100.1', 'fe80::1%eth0', '2001:db8::1'])
    await expectRefused(agent, { do: 'tcp', address, port: 80 }, address);
  // Nor does the world reach into a slot by way of the host.
  expect(
    await world.outside.do<string>({
      do: 'run',
      command: ['ip', 'route', 'add', '10.213.0.0/16', 'via', '198.51.100.1'],
    }),
  ).toBe('');
  await expectRefused(world.outside, { do: 'tcp', address: slots[1].address, port: 80 }, 'from outside');
  await Promise.all(agents.splice(0).map((ended) => ended.end()));
  closeFd(slots[2].netns);
  await other.release(slots[2]);
  await other.close();
  await end(network, slots[0], slots[1]);
});

// Red when `makeSlot` adds an element to `verdicts`.
test('inv-62: a slot without rules reaches nothing', async () => {
  const network = await openNetwork(world.options());
  const slot = await network.makeSlot();
  const agent = await enter(slot);
  await expectRefused(agent, { do: 'tcp', address: '198.51.100.2', port: 80 }, 'tcp');
  await expectRefused(agent, { do: 'udp', address: '198.51.100.2', port: 53 }, 'udp');
  await end(network, slot);
});

// Red when `closed` chains accept, and when `open` ones do not look at `deny`.
test('inv-62: allow and deny hold for TCP, UDP, ICMP and the DNS port', async () => {
  const network = await openNetwork(world.options());
  const [listed, unlisted] = [await network.makeSlot(), await network.makeSlot()];
  // Overlapping entries, one in both lists, and one of IPv6 that holds anyway.
  await network.setRules(listed, { allow: ['198.51.100.3', '198.51.100.2/31'], deny: ['198.51.100.3'] });
  await network.setRules(unlisted, { allow: null, deny: ['198.51.100.0/24', '198.51.100.2', '2001:db8::/32'] });
  const [inListed, inUnlisted] = [await enter(listed), await enter(unlisted)];
  const reached = expect.stringMatching(/^reached/);
  for (const [agent, yes, no] of [
    [inListed, '198.51.100.3', '203.0.113.9'],
    [inUnlisted, '203.0.113.9', '198.51.100.3'],
  ] as const) {
    for (const port of [80, 53]) {
      expect(await agent.do({ do: 'tcp', address: yes, port })).toMatchObject({ outcome: reached });
      await expectRefused(agent, { do: 'tcp', address: no, port }, `tcp ${no}`);
    }
    expect(await agent.do({ do: 'udp', address: yes, port: 53 })).toMatchObject({ outcome: reached });
    await expectRefused(agent, { do: 'udp', address: no, port: 53 }, `udp ${no}`);
    expect(await agent.do({ do: 'ping', address: yes })).toMatchObject({ outcome: 'reached' });
    expect(await agent.do({ do: 'ping', address: no })).toMatchObject({ outcome: 'EHOSTUNREACH' });
  }
  await end(network, listed, unlisted);
});

// Red without forgetConnections.
test('inv-62: new rules cut connections that they no longer allow, and no others', async () => {
  const network = await openNetwork(world.options());
  const slot = await network.makeSlot();
  await network.setRules(slot, open);
  const [cut, kept] = [await enter(slot), await enter(slot)];
  await cut.do({ do: 'hold', address: '198.51.100.2', port: 80 });
  await kept.do({ do: 'hold', address: '198.51.100.3', port: 80 });
  await network.setRules(slot, { allow: ['198.51.100.3'], deny: [] });
  const tracked = await world.run('cat', '/proc/net/nf_conntrack');
  expect(tracked).not.toMatch(new RegExp(`src=${slot.address} dst=198.51.100.2 `));
  expect(tracked).toMatch(new RegExp(`src=${slot.address} dst=198.51.100.3 `));
  expect(await cut.do<string>({ do: 'held' })).toBe('ECONNRESET');
  expect(await kept.do<string>({ do: 'held' })).toBe('carries');
  await network.setRules(slot, { allow: null, deny: ['198.51.100.3'] }, { netns: slot.netns });
  expect(await kept.do<string>({ do: 'held' })).toMatch(/ECONNABORTED|ECONNRESET|EPIPE/);
  await end(network, slot);
});

// Red when only the first piece of what is to be forgotten is.
test('inv-62: thousands of connections of one slot are all forgotten', async () => {
  const network = await openNetwork(world.options());
  const slot = await network.makeSlot();
  await network.setRules(slot, open);
  const flows = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(10000, 14000): s.sendto(b'x', ('203.0.113.9', port))`;
  const agent = await enter(slot);
  expect(await agent.do<string>({ do: 'run', command: ['python3', '-c', flows] })).toBe('');
  const count = async () =>
    Number(await world.run('sh', '-c', `grep -c src=${slot.address} /proc/net/nf_conntrack || true`));
  expect(await count()).toBeGreaterThan(3500);
  await network.setRules(slot, { allow: [], deny: [] });
  expect(await count()).toBe(0);
  await end(network, slot);
});

// Red with a set named `policy`, which is a word of nft's own.
test('what nft lists of the rules, nft can read', async () => {
  const network = await openNetwork({ ...world.options(), uplink: 'uplink' });
  const slot = await network.makeSlot();
  await network.setRules(slot, { allow: ['198.51.100.0/24', '203.0.113.9'], deny: [] });
  expect(
    await world.run('sh', '-c', 'rules=$(nft list ruleset) && printf "flush ruleset\\n%s\\n" "$rules" | nft -c -f -'),
  ).toBe('');
  await end(network, slot);
});

test('inv-62: rules that cannot be installed change nothing', async () => {
  const network = await openNetwork(world.options());
  const slot = await network.makeSlot();
  await network.setRules(slot, { allow: ['198.51.100.2'], deny: [] });
  const before = await world.run('nft', 'list', 'ruleset');
  for (const rules of [
    { allow: ['example.com'], deny: [] },
    { allow: ['::1'], deny: [] },
    { allow: null, deny: ['198.51.100.2/24'] },
  ]) {
    await expect(network.setRules(slot, rules)).rejects.toMatchObject({ code: 'ERR_NETWORK_RULES' });
  }
  expect(await world.run('nft', 'list', 'ruleset')).toBe(before);
  // Somebody else has put into the idle bank what the next rules put there.
  const element = `deny-1 { ${slot.address} . 203.0.113.9 }`;
  expect(await world.run('nft', `add element inet ${/hatchery-\w+/.exec(before)?.[0]} ${element}`)).toBe('');
  const denied = { allow: null, deny: ['203.0.113.9'] };
  await expect(network.setRules(slot, denied)).rejects.toMatchObject({ code: 'ERR_NETWORK_FAILED', step: 'set rules' });
  const agent = await enter(slot);
  await expectRefused(agent, { do: 'tcp', address: '198.51.100.3', port: 80 }, 'after the failure');
  expect((await agent.do({ do: 'tcp', address: '198.51.100.2', port: 80 })).outcome).toMatch(/^reached/);
  await Promise.all(agents.splice(0).map((agent) => agent.end()));
  closeFd(slot.netns);
  await network.close();
  await sweepNetwork(world.options());
});

test('inv-62: rules that somebody has taken out are put back as they were: by verify, and by whatever meets their absence', async () => {
  const network = await openNetwork(world.options());
  const [slot, other] = [await network.makeSlot(), await network.makeSlot()];
  await network.setRules(slot, { allow: ['198.51.100.2', '198.51.100.8/29'], deny: [] });
  await network.setRules(other, { allow: null, deny: ['198.51.100.3'] });
  const before = (await world.run('nft', 'list', 'ruleset')).replaceAll(/handle \d+/g, '');
  const table = /hatchery-\w+/.exec(before)?.[0] ?? '';
  expect(await network.verify()).toBe(false);
  for (const words of [
    ['flush', 'ruleset'],
    ['flush', 'table', 'inet', table],
    ['flush', 'map', 'inet', table, 'verdicts'],
    ['delete', 'table', 'arp', table],
  ]) {
    expect(await world.run('nft', ...words)).toBe('');
    expect(await network.verify(), words.join(' ')).toBe(true);
    expect(await world.run('nft', 'list', 'ruleset'), words.join(' ')).toBe(before);
  }
  await world.run('nft', 'flush', 'ruleset');
  await network.setRules(slot, { allow: null, deny: ['198.51.100.3'] });
  await world.run('nft', 'flush', 'ruleset');
  const third = await network.makeSlot();
  for (const agent of [await enter(slot), await enter(other)]) {
    await expectRefused(agent, { do: 'tcp', address: '198.51.100.3', port: 80 }, 'denied');
    expect((await agent.do({ do: 'tcp', address: '198.51.100.2', port: 80 })).outcome).toMatch(/^reached/);
  }
  await world.run('nft', 'flush', 'ruleset');
  await end(network, slot, other, third);
});

// Red when the last rule of `origin` accepts: the kernel's own check of sources is off here, so that it is these rules that hold.
test('W06: packets of another source than the slot pass nowhere, and a sandbox may not make them', async () => {
  const network = await openNetwork(world.options());
  const [slot, victim] = [await network.makeSlot(), await network.makeSlot()];
  await network.setRules(slot, open);
  await network.setRules(victim, open);
  const filter = `/proc/sys/net/ipv4/conf/${slot.interfaceName}/rp_filter`;
  expect(await world.run('sh', '-c', `cat ${filter} && echo 0 > ${filter}`)).toBe('1\n');
  const agent = await enter(slot);
  const run = (...command: string[]) => agent.do<string>({ do: 'run', command });
  for (const source of [victim.address, '198.51.100.1', '203.0.113.77', '10.213.0.1'])
    expect(await run('python3', '-c', forgery(source, '198.51.100.2'))).toBe('');
  // It goes the same way, after them.
  expect(await agent.do({ do: 'udp', address: '198.51.100.2', port: 53 })).toMatchObject({ outcome: 'reached' });
  expect(await world.outside.do<number>({ do: 'received' })).toBe(1);
  expect(await run('python3', '-c', forgery(slot.address, '198.51.100.2'))).toBe('');
  expect(await agent.do({ do: 'udp', address: '198.51.100.2', port: 53 })).toMatchObject({ outcome: 'reached' });
  expect(await world.outside.do<number>({ do: 'received' })).toBe(3);
  for (const kind of ['AF_PACKET, socket.SOCK_RAW, 3', 'AF_INET, socket.SOCK_RAW, 255']) {
    expect(await run('unshare', '-Ur', 'python3', '-c', `import socket; socket.socket(socket.${kind})`)).toMatch(
      /Operation not permitted/,
    );
  }
  expect(await run('unshare', '-Ur', 'ip', 'link', 'set', 'eth0', 'down')).toMatch(/Operation not permitted/);
  await end(network, slot, victim);
});

// Red without the rule of the arp table.
test('W06: nobody is told by ARP that a slot has another’s address', async () => {
  const network = await openNetwork(world.options());
  const [slot, victim] = [await network.makeSlot(), await network.makeSlot()];
  await network.setRules(slot, open);
  // The kernel's own check of sources would refuse it, too.
  await world.run('sh', '-c', `echo 0 > /proc/sys/net/ipv4/conf/${slot.interfaceName}/rp_filter`);
  const agent = await enter(slot);
  const ask = (sender: string) =>
    agent.do<string>({ do: 'run', command: ['python3', '-c', arpForgery(sender, slot.gateway)] });
  const neighbours = () => world.run('ip', 'neigh', 'show', 'dev', slot.interfaceName);
  for (const sender of [victim.address, '198.51.100.2']) expect(await ask(sender)).toBe('');
  // It goes the same way, after them.
  expect(await ask(slot.address)).toBe('');
  await vi.waitFor(async () => expect(await neighbours()).toContain(`${slot.address} `), { timeout: 10_000 });
  expect(await neighbours()).not.toMatch(new RegExp(`^(?:${victim.address}|198.51.100.2) `, 'm'));
  await end(network, slot, victim);
});

// Red when `origin` does not look for the way back: the kernel's own check of sources is off here, too.
test('inv-62: what comes from outside with the address of a slot is dropped before it is taken for the slot’s', async () => {
  const network = await openNetwork(world.options());
  const slot = await network.makeSlot();
  await network.setRules(slot, open);
  for (const name of ['all', 'uplink'])
    expect(await world.run('sh', '-c', `echo 0 > /proc/sys/net/ipv4/conf/${name}/rp_filter`)).toBe('');
  const route = ['ip', 'route', 'add', '192.0.2.9', 'via', '198.51.100.1'];
  expect(await world.outside.do<string>({ do: 'run', command: route })).toBe('');
  for (const source of [slot.address, '203.0.113.77'])
    expect(
      await world.outside.do<string>({ do: 'run', command: ['python3', '-c', forgery(source, '192.0.2.9')] }),
    ).toBe('');
  // The second went the same way: the host passes on what is no slot's.
  const tracked = await vi.waitFor(
    async () => {
      const entries = await world.run('cat', '/proc/net/nf_conntrack');
      expect(entries).toContain('src=203.0.113.77 dst=192.0.2.9');
      return entries;
    },
    { timeout: 10_000 },
  );
  expect(tracked).not.toContain(`src=${slot.address} dst=192.0.2.9`);
  await end(network, slot);
});

// Red (strangers) when sweep expels nobody.
test('inv-62: the rules are in force while no runner is there, and of the next one that adopts', async () => {
  const first = await openNetwork(world.options());
  const [slot, stranger] = [await first.makeSlot(), await first.makeSlot()];
  await first.setRules(slot, { allow: ['198.51.100.2'], deny: [] });
  await first.setRules(stranger, open);
  const agent = await enter(slot);
  await agent.do({ do: 'hold', address: '198.51.100.2', port: 80 });
  dies();
  const second = await openNetwork(world.options());
  await expectRefused(agent, { do: 'tcp', address: '203.0.113.9', port: 80 }, 'before the adoption');
  // Red without retake(): somebody has cleaned up in the directory of leases.
  const [lease = ''] = world.leases().filter((name) => name === slot.gateway);
  await world.run('rm', join(world.directory, 'leases', lease));
  await second.adopt(slot, { allow: ['198.51.100.2'], deny: [] });
  expect(world.leases()).toContain(lease);
  // Red without forgetConnections in sweep, too: the address is the next slot's.
  await (await enter(stranger)).do({ do: 'hold', address: '198.51.100.2', port: 80 });
  expect(await tracked(stranger)).toBe(true);
  closeFd(stranger.netns);
  await second.sweep();
  expect(await tracked(stranger)).toBe(false);
  expect(await agent.do<string>({ do: 'held' })).toBe('carries');
  await expectRefused(agent, { do: 'tcp', address: '203.0.113.9', port: 80 }, 'after it');
  expect(await world.run('nft', 'list', 'ruleset')).not.toContain(stranger.address);
  expect(second.slots().map(({ address }) => address)).toEqual([slot.address]);
  await end(second, slot);
});

// Mutations seen red: ensure() replaces always; it replaces never; #cut() of an adoption without the namespace.
test('inv-62: an adoption writes nothing where the rules are in force, else those that are asked for, and cuts what they refuse', async () => {
  const first = await openNetwork(world.options());
  const slots = [await first.makeSlot(), await first.makeSlot()] as const;
  const rules = { allow: ['198.51.100.2', '203.0.113.0/24'], deny: [] };
  for (const slot of slots) await first.setRules(slot, rules);
  // In the other bank by now.
  await first.setRules(slots[1], { allow: null, deny: ['198.51.100.3'] });
  const agent = await enter(slots[0]);
  await agent.do({ do: 'hold', address: '198.51.100.2', port: 80 });
  dies();
  const second = await openNetwork(world.options());
  const netfilter = new Netfilter(world.options().hostNetns);
  const generation = await readGeneration(netfilter);
  await second.adopt(slots[0], { ...rules, allow: rules.allow.toReversed() }, { netns: slots[0].netns });
  await second.adopt(slots[1], { allow: null, deny: ['198.51.100.3'] });
  expect(await readGeneration(netfilter)).toBe(generation);
  expect(await agent.do<string>({ do: 'held' })).toBe('carries');
  await netfilter.close();
  dies();
  const third = await openNetwork(world.options());
  await third.adopt(slots[0], { allow: ['203.0.113.9'], deny: [] }, { netns: slots[0].netns });
  await third.adopt(slots[1], { allow: null, deny: ['198.51.100.2'] });
  // The socket inside was told: it waits for no answer.
  expect(await agent.do<string>({ do: 'held' })).toMatch(/ECONNABORTED|EPIPE/);
  await expectRefused(agent, { do: 'tcp', address: '198.51.100.2', port: 80 }, 'no longer allowed');
  expect((await agent.do({ do: 'tcp', address: '203.0.113.9', port: 80 })).outcome).toMatch(/^reached/);
  await end(third, ...slots);
});

// Mutations seen red: the generation is not looked at; it is not counted on by transactions of this runner's; it is never forgotten.
test('inv-62: a look at rules that nobody has changed lists none of them, and misses nobody’s change', async () => {
  const network = await openNetwork(world.options());
  const slot = await network.makeSlot();
  await network.setRules(slot, { allow: ['198.51.100.2'], deny: [] });
  const exchange = vi.spyOn(Netfilter.prototype, 'exchange');
  const looks = async (): Promise<{ needed: boolean; exchanges: number }> => {
    exchange.mockClear();
    const needed = await network.verify();
    return { needed, exchanges: exchange.mock.calls.length };
  };
  try {
    expect((await looks()).exchanges).toBeGreaterThan(1);
    expect(await looks()).toEqual({ needed: false, exchanges: 1 });
    await network.setRules(slot, { allow: null, deny: [] });
    expect(await looks()).toEqual({ needed: false, exchanges: 1 });
    await world.run('nft', 'add', 'table', 'ip', 'another');
    await network.setRules(slot, { allow: null, deny: ['198.51.100.3'] });
    expect((await looks()).exchanges).toBeGreaterThan(1);
    const table = /hatchery-\w+/.exec(await world.run('nft', 'list', 'tables'))?.[0] ?? '';
    await world.run('nft', 'flush', 'map', 'inet', table, 'verdicts');
    expect((await looks()).needed).toBe(true);
    await world.run('nft', 'delete', 'table', 'ip', 'another');
  } finally {
    exchange.mockRestore();
  }
  await end(network, slot);
});

/** Of NETLINK_NETFILTER: ctnetlink's request for a list (CT_GET). */
function asksForConnections(messages: Uint8Array): boolean {
  return Buffer.from(messages).readUInt16LE(4) === 0x101;
}

// Mutations seen red: the address is on its way out before its connections are forgotten; a look that failed is not taken again.
test.each(['takes its time', 'fails'])(
  'inv-33: an address is handed out again only when its connections are forgotten, also where the look %s',
  async (how) => {
    const network = await openNetwork({ ...world.options(), addressRange: '10.213.0.0/30' });
    const [first, other] = [await network.makeSlot(), await network.makeSlot()];
    await network.setRules(first, open);
    const agent = await enter(first);
    expect(await agent.do({ do: 'udp', address: '203.0.113.9', port: 53 })).toMatchObject({ outcome: 'reached' });
    expect(await tracked(first)).toBe(true);
    await Promise.all(agents.splice(0).map((one) => one.end()));
    closeFd(first.netns);
    const gate = Promise.withResolvers<void>();
    // Called with its own `this` below.
    // oxlint-disable-next-line typescript/unbound-method
    const real = Netfilter.prototype.exchange;
    const exchange = vi.spyOn(Netfilter.prototype, 'exchange').mockImplementation(async function (
      this: Netfilter,
      messages,
    ) {
      if (asksForConnections(messages)) {
        if (how === 'fails') throw new Error('the test refuses it');
        await gate.promise;
      }
      return await real.call(this, messages);
    });
    const released = network.release(first);
    await vi.waitFor(
      async () => expect(await world.run('ip', '-br', 'link')).not.toContain(`${first.interfaceName}@`),
      {
        timeout: 20_000,
      },
    );
    if (how === 'fails') await released;
    await expect(network.makeSlot()).rejects.toBeInstanceOf(Error);
    exchange.mockRestore();
    gate.resolve();
    await released;
    const next = await vi.waitFor(() => network.makeSlot(), { timeout: 20_000 });
    expect([next.address, await tracked(next)]).toEqual([first.address, false]);
    await end(network, next, other);
  },
);

// Mutation seen red: #reclaimSoon() does nothing.
test('inv-33: an address is given back by itself once its pair is gone, also when few are released', async () => {
  const network = await openNetwork(world.options());
  const slot = await network.makeSlot();
  closeFd(slot.netns);
  await network.release(slot);
  await vi.waitFor(() => expect(world.leases()).toEqual([]), { timeout: 20_000 });
  await network.close();
});

// Red when adopt() does not ask whose the lease is, and when it leaves the elements in force.
test('inv-62: a slot whose address was leased to another instance meanwhile is not adopted, and reaches nothing', async () => {
  const first = await openNetwork(world.options());
  const slot = await first.makeSlot();
  await first.setRules(slot, open);
  const agent = await enter(slot);
  const attempt = async () => (await agent.do({ do: 'tcp', address: '198.51.100.2', port: 80 })).outcome;
  expect(await attempt()).toMatch(/^reached/);
  const lease = join(world.directory, 'leases', slot.gateway);
  await world.run('ln', '-sfn', join(world.directory, 'b'), lease);
  dies();
  const second = await openNetwork(world.options());
  await expect(second.adopt(slot, open)).rejects.toMatchObject({ code: 'ERR_NETWORK_RANGE', step: 'adopt a slot' });
  // Dropped and not refused: it is nobody's, as what a forger sends.
  expect(await attempt()).not.toMatch(/^reached/);
  await world.run('ln', '-sfn', join(world.directory, 'a'), lease);
  await second.adopt(slot, open);
  await end(second, slot);
});

// Red when sweepNetwork leaves links, tables, leases or connections.
test('what a dead instance has left is swept, a slot that somebody still holds is cut off first', async () => {
  const network = await openNetwork(world.options());
  const slot = await network.makeSlot();
  await network.setRules(slot, open);
  const agent = await enter(slot);
  await agent.do({ do: 'hold', address: '198.51.100.2', port: 80 });
  expect(await tracked(slot)).toBe(true);
  dies();
  await sweepNetwork(world.options());
  expect(await tracked(slot)).toBe(false);
  expect((await agent.do({ do: 'tcp', address: '198.51.100.2', port: 80 })).outcome).toBe('ENETUNREACH');
  await sweepNetwork(world.options());
  closeFd(slot.netns);
});

// Red when close looks at the slots alone that its own runner knows.
test('inv-62: closing a network that adopted nothing leaves the rules of slots of the runner before it', async () => {
  const first = await openNetwork(world.options());
  const slot = await first.makeSlot();
  await first.setRules(slot, { allow: ['198.51.100.2'], deny: [] });
  const agent = await enter(slot);
  dies();
  const second = await openNetwork(world.options());
  await second.close();
  await expectRefused(agent, { do: 'tcp', address: '203.0.113.9', port: 80 }, 'after the close');
  expect(await agent.do({ do: 'tcp', address: '198.51.100.2', port: 80 })).toMatchObject({
    outcome: 'reached, seen as 198.51.100.1',
  });
  await agents.pop()?.end();
  closeFd(slot.netns);
  await sweepNetwork(world.options());
});

// Red when makeSlot does not look whether the network was closed meanwhile, before it adds the elements.
test('a slot that is being made when the network closes is refused, and leaves nothing', async () => {
  const network = await openNetwork(world.options());
  const making = network.makeSlot();
  const closing = network.close();
  await expect(making).rejects.toMatchObject({ code: 'ERR_NETWORK_CLOSED' });
  await closing;
});

// Red when sweep looks at #known alone for leases or links, and without #making or #leaving in either.
test('a sweep spares the slots that are being made, and those that are on their way out', async () => {
  const network = await openNetwork(world.options());
  const leaving = await network.makeSlot();
  await network.release(leaving);
  const slots: Slot[] = [];
  const making = Promise.all(Array.from({ length: 16 }, async () => slots.push(await network.makeSlot())));
  // At each step of the making, not only before its first.
  do await network.sweep();
  while (slots.length < 16);
  await making;
  expect(world.leases().sort()).toEqual([leaving, ...slots].map(({ gateway }) => gateway).sort());
  const links = await world.run('ip', '-br', 'link');
  for (const slot of slots) expect(links).toContain(slot.interfaceName);
  const slot = slots[15] as Slot;
  await network.setRules(slot, open);
  expect(await (await enter(slot)).do({ do: 'udp', address: '198.51.100.2', port: 53 })).toMatchObject({
    outcome: 'reached',
  });
  closeFd(leaving.netns);
  await end(network, ...slots);
});

// Red when makeSlot does not reclaim (4 are fewer than what release waits for), and when two reclaims give one lease twice.
test('a range that is used up has room again when its slots are released and gone', async () => {
  const network = await openNetwork({ ...world.options(), addressRange: '10.213.0.0/29' });
  for (let round = 0; round < 3; round++) {
    const slots = await Promise.all([1, 2, 3, 4].map(() => network.makeSlot()));
    await expect(network.makeSlot()).rejects.toMatchObject({ code: 'ERR_NETWORK_RANGE' });
    for (const slot of slots) {
      closeFd(slot.netns);
      await network.release(slot);
    }
    await vi.waitFor(
      async () => expect(await world.run('ip', '-br', 'link')).not.toContain(slots[0]?.interfaceName.slice(0, 8)),
      {
        timeout: 5000,
      },
    );
  }
  await network.close();
});

// Mutation seen red: #isKnown() asks for the address alone.
test('inv-33: a slot that is released once more, or given rules, is not mistaken for the one that has its address now', async () => {
  const network = await openNetwork({ ...world.options(), addressRange: '10.213.0.0/30' });
  const [first, other] = [await network.makeSlot(), await network.makeSlot()];
  closeFd(first.netns);
  await network.release(first);
  // There is no other address.
  const next = await vi.waitFor(() => network.makeSlot(), { timeout: 20_000 });
  expect([next.address, next.interfaceName]).toEqual([first.address, first.interfaceName]);
  await network.setRules(next, open);
  await network.release(first);
  await expect(network.setRules(first, { allow: [], deny: [] })).rejects.toMatchObject({ code: 'ERR_NETWORK_OPTION' });
  const agent = await enter(next);
  expect((await agent.do({ do: 'tcp', address: '198.51.100.2', port: 80 })).outcome).toMatch(/^reached/);
  await end(network, next, other);
});

// Red when reclaim keeps a lease.
test('inv-33: 100 slots used and released leave nothing, and no address is used twice meanwhile', async () => {
  const network = await openNetwork(world.options());
  const addresses = new Set<string>();
  for (let round = 0; round < 25; round++) {
    const slots = await Promise.all([1, 2, 3, 4].map(() => network.makeSlot()));
    for (const slot of slots) {
      addresses.add(slot.address);
      await network.setRules(slot, { allow: ['198.51.100.0/24'], deny: [] });
      closeFd(slot.netns);
    }
    await Promise.all(slots.map((slot) => network.release(slot)));
  }
  expect(addresses.size).toBe(100);
  // Those whose pair is still on its way out are in `slots` alone, until it is gone.
  const after = await world.run('nft', 'list', 'ruleset');
  expect(after).not.toMatch(/elements = .*(goto|198\.51\.100)/);
  await network.close();
});

test('a range that overlaps a route of the host is refused, and nothing is installed', async () => {
  const refused = openNetwork({ ...world.options(), addressRange: '198.51.0.0/16' });
  await expect(refused).rejects.toMatchObject({ code: 'ERR_NETWORK_RANGE' });
  const network = await openNetwork(world.options());
  await network.close();
  await network.makeSlot().catch((error: unknown) => expect(error).toMatchObject({ code: 'ERR_NETWORK_CLOSED' }));
});
