import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useHostileRuntime } from './hostile-runtime.ts';
import { expectOnly, probe, probeHost, wordsOf } from './probe.ts';

const hostile = useHostileRuntime();

/** Refused by our own loopback, or by the absence of any way out. */
const unreachable = ['ECONNREFUSED', 'ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT'];

// Mutation: netns_enter_new of netns.c keeps the host's network namespace: W01, W02 and W03 red.
describe('listeners on the host', () => {
  let server: Server;
  let abstract: Server;
  let port = 0;
  let connections = 0;
  const abstractName = `hatchery-probe-${randomBytes(6).toString('hex')}`;

  beforeAll(async () => {
    server = createServer((socket) => {
      connections++;
      socket.destroy();
    });
    // `::` takes IPv4 too, so this is a listener on 127.0.0.1, on ::1 and on every other address of the host.
    server.listen(0);
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP listener has an address and a port');
    port = address.port;
    abstract = createServer((socket) => {
      connections++;
      socket.destroy();
    });
    abstract.listen(`\0${abstractName}`);
    await once(abstract, 'listening');
  });

  afterAll(async () => {
    await Promise.all([server, abstract].map((one) => new Promise((closed) => one.close(closed))));
  });

  test('W01: a listener on the host’s loopback or any other address of it cannot be reached', async () => {
    await using sandbox = await hostile.create();
    const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    // Link-local addresses need an interface to go out by, and the sandbox has none to name.
    const reachable = addresses.filter((address) => !address.address.startsWith('fe80')).map(({ address }) => address);
    const targets = [...new Set(['127.0.0.1', '::1', '0.0.0.0', '::ffff:127.0.0.1', ...reachable])];
    const answers = await probe(sandbox, ['connect', String(port), ...targets]);
    expect(answers.size).toBe(targets.length);
    expectOnly(answers, unreachable);
    expect(connections).toBe(0);
  });

  test('W02: an abstract unix socket on the host cannot be reached', async () => {
    await using sandbox = await hostile.create();
    const answers = await probe(sandbox, ['connect-abstract', abstractName]);
    expect(wordsOf(answers)).toEqual({ abstract: 'ECONNREFUSED' });
    expect(connections).toBe(0);
  });

  test('W01, W02: the same prober does reach both listeners from the host', () => {
    expect(probeHost(['connect', String(port), '127.0.0.1']).get('127.0.0.1')?.word).toBe('HARM');
    expect(probeHost(['connect-abstract', abstractName]).get('abstract')?.word).toBe('HARM');
  });
});

describe('two sandboxes', () => {
  // Mutation: netns_enter_new keeps the namespace it is in.
  test('share no namespace with each other', async () => {
    const kinds = ['ipc', 'mnt', 'net', 'pid', 'user', 'uts'].map((kind) => `/proc/self/ns/${kind}`);
    await using first = await hostile.create({ image: 'host' });
    await using second = await hostile.create({ image: 'host' });
    const [one, other] = await Promise.all([first, second].map((sandbox) => sandbox.run(['readlink', ...kinds])));
    const names = [one, other].map((result) => result?.stdout.toString().trim().split('\n') ?? []);
    expect(names[0]).toHaveLength(kinds.length);
    expect(names[0]?.filter((name) => names[1]?.includes(name))).toEqual([]);
  });
});

describe('the metadata service of a cloud', () => {
  test('W03: its addresses are unreachable, and loopback is the only interface', async () => {
    await using sandbox = await hostile.create();
    const answers = await probe(sandbox, ['metadata']);
    expect(answers.get('interfaces')).toEqual({ word: 'lo', detail: 'only' });
    expect(answers.get('169.254.169.254')?.word).toBe('ENETUNREACH');
    expect(unreachable).toContain(answers.get('fd00:ec2::254')?.word);
  });
});
