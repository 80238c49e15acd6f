import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { World } from '../../../tests/made-up-network/made-up-world.ts';
import { Runtime, type RuntimeOptions, type Sandbox } from '../src/index.ts';
import { type Place, usePlace } from './use-runtime.ts';

/** A made-up host with a world outside, and runtimes whose slots are that host's. */
export interface MadeUpNetwork {
  readonly world: World;
  readonly place: Place;
  /** One of the place's instance unless told otherwise, without a pool. */
  open(options?: RuntimeOptions): Promise<Runtime>;
  /** Fails unless rules, interfaces and leases are gone from the made-up host. */
  expectNothing(): Promise<void>;
}

/** For the tests of one file; after each of them nothing may be left. */
export function useMadeUpNetwork(): MadeUpNetwork {
  const place = usePlace();
  const made: { world?: World } = {};
  const need = (): World => {
    if (made.world === undefined) throw new Error('the world is there only while the tests run');
    return made.world;
  };
  const expectNothing = async (): Promise<void> => {
    const links = (await need().run('ip', '-br', 'link')).trim().split('\n');
    expect({
      tables: await need().run('nft', 'list', 'tables'),
      links: links.map((line) => line.split(/[ @]/)[0]),
      leases: need().leases(),
    }).toEqual({ tables: '', links: ['lo', 'uplink'], leases: [] });
  };
  beforeAll(async () => {
    made.world = await World.make();
  });
  afterEach(expectNothing);
  afterAll(() => made.world?.end());
  return {
    get world() {
      return need();
    },
    place,
    async open(options = {}) {
      const { runDirectory, dataDirectory, instance } = place;
      const { hostNetns, leaseDirectory } = need().options();
      const network = { hostNetns, leaseDirectory, ...options.network };
      return await Runtime.open({ pool: false, runDirectory, dataDirectory, instance, ...options, network });
    },
    expectNothing,
  };
}

/** What came of an attempt to reach something from inside: `reached` with what was sent back, or the name of the error. */
export interface Reach {
  outcome: string;
  ms: number;
}

/** Connects (TCP) or sends (UDP), and waits for an answer; tells the error by its name. */
const client = `
import errno, json, socket, sys, time
protocol, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
kind = socket.SOCK_STREAM if protocol == 'tcp' else socket.SOCK_DGRAM
began = time.monotonic()
try:
  family = socket.AF_INET6 if ':' in address else socket.AF_INET
  s = socket.socket(family, kind)
  s.settimeout(5)
  s.connect((address, port))
  if protocol == 'udp': s.send(b'hello')
  outcome = 'reached ' + s.recv(100).decode()
except TimeoutError: outcome = 'no answer'
except OSError as error: outcome = errno.errorcode[error.errno]
print(json.dumps({'outcome': outcome, 'ms': (time.monotonic() - began) * 1000}))
`;

export async function reach(sandbox: Sandbox, protocol: 'tcp' | 'udp', address: string, port = 80): Promise<Reach> {
  const result = await sandbox.run(['python3', '-c', client, protocol, address, String(port)]);
  if (result.exitCode !== 0) throw new Error(`the client in the sandbox: ${result.stderr.toString()}`);
  return JSON.parse(result.stdout.toString()) as Reach;
}

const refusals = /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EAFNOSUPPORT)$/;
/** One sample says how busy the machine is, too: the quickest of these counts, and what gets no answer is never quick. */
const samples = 5;

/** Refused, and told so within 50 ms. */
export async function expectRefused(sandbox: Sandbox, address: string, port = 80): Promise<void> {
  const quickest: number[] = [];
  for (let sample = 0; sample < samples; sample++) {
    const { outcome, ms } = await reach(sandbox, 'tcp', address, port);
    expect(outcome, `${address}:${port}`).toMatch(refusals);
    quickest.push(ms);
    if (ms < 50) return;
  }
  expect(Math.min(...quickest), `${address}:${port}`).toBeLessThan(50);
}

export async function expectReached(sandbox: Sandbox, address: string, port = 80): Promise<void> {
  expect((await reach(sandbox, 'tcp', address, port)).outcome, `${address}:${port}`).toMatch(/^reached /);
}
