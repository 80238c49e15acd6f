import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import { type ClientBox, shell } from '../client.ts';
import { listenIn } from '../listen-in.ts';
import type { Row } from '../row.ts';

type Connection = Awaited<ReturnType<Awaited<ReturnType<ClientBox['network']['tunnel']>>['connect']>>;

const most = 65_536;

/** Everything that comes, until the other side ends. */
async function readAll(connection: Connection): Promise<string> {
  const pieces: Buffer[] = [];
  for (let piece = await connection.read(most); piece.length > 0; piece = await connection.read(most))
    pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

async function answerOf(connection: Connection, words: string): Promise<string> {
  await connection.write(Buffer.from(words));
  await connection.shutdownWrite();
  return await readAll(connection);
}

/** What somebody is told who connects to a forwarder of this host. */
async function askForwarder(address: object, words: string): Promise<string> {
  const { host, port } = address as { host: string; port: number };
  const socket = connect({ host, port, allowHalfOpen: true });
  socket.end(words);
  return await text(socket);
}

/** Connections to a server in a box, which listens on loopback alone. The client connects when it asks for a tunnel. */
export const tunnelRows: readonly Row[] = [
  {
    method: 'JsNetworkHandle#tunnel',
    claim: 'to a server in the box; to a port where nobody listens it is refused',
    async run({ box }) {
      await listenIn(box, 4000);
      const tunnel = await box.network.tunnel(4000);
      expect(await answerOf(await tunnel.connect(), 'hello')).toBe('heard hello');
      await expect(box.network.tunnel(4999)).rejects.toThrow(/502/);
    },
  },
  {
    method: 'NativeBoxTunnel#uri',
    claim: 'another one each time, which nobody can guess',
    async run({ box }) {
      await listenIn(box, 4001);
      const uris = await Promise.all([1, 2].map(async () => (await box.network.tunnel(4001)).uri()));
      for (const uri of uris) expect(uri).toMatch(/^http:\/\/[\w-]{43}@127\.0\.0\.1:\d+$/);
      expect(uris[0]).not.toBe(uris[1]);
    },
  },
  {
    method: 'NativeBoxTunnel#connect',
    claim: 'once',
    async run({ box }) {
      await listenIn(box, 4012);
      const tunnel = await box.network.tunnel(4012);
      expect(await answerOf(await tunnel.connect(), 'once')).toBe('heard once');
      await expect((async () => await tunnel.connect())()).rejects.toThrow();
    },
  },
  {
    method: 'NativeBoxConnection#read',
    claim: 'a megabyte in order, and nothing after the end',
    async run({ box }) {
      await listenIn(box, 4002);
      const words = 'in order '.repeat(120_000);
      const connection = await (await box.network.tunnel(4002)).connect();
      const answer = readAll(connection);
      let rest = Buffer.from(words);
      while (rest.length > 0) rest = rest.subarray(await connection.write(rest));
      await connection.shutdownWrite();
      expect(await answer).toBe(`heard ${words}`);
    },
  },
  {
    method: 'NativeBoxConnection#write',
    claim: 'arrives as it was',
    async run({ box }) {
      await listenIn(box, 4003);
      expect(await answerOf(await (await box.network.tunnel(4003)).connect(), 'größe\0')).toBe('heard größe\0');
    },
  },
  {
    method: 'NativeBoxConnection#shutdownWrite',
    claim: 'the server sees the end, and can still answer',
    async run({ box }) {
      await listenIn(box, 4004);
      expect(await answerOf(await (await box.network.tunnel(4004)).connect(), '')).toBe('heard ');
    },
  },
  {
    method: 'NativeBoxConnection#close',
    claim: 'the server is told',
    async run({ box }) {
      await listenIn(box, 4005);
      const connection = await (await box.network.tunnel(4005)).connect();
      await connection.write(Buffer.from('before the end'));
      await connection.close();
      expect(await shell(box, 'until test -e /tmp/heard-4005; do sleep 0.05; done; cat /tmp/heard-4005')).toBe(
        'before the end',
      );
    },
  },
  {
    method: 'NativeBoxTunnel#forward',
    claim: 'a port of this host is the box’s, for one connection after the other',
    async run({ box }) {
      await listenIn(box, 4006);
      const forwarder = await (await box.network.tunnel(4006)).forward({ type: 'tcp', host: '127.0.0.1', port: 0 });
      const answers = [
        await askForwarder(forwarder.localAddr(), 'one'),
        await askForwarder(forwarder.localAddr(), 'two'),
      ];
      await forwarder.close();
      expect(answers).toEqual(['heard one', 'heard two']);
    },
  },
  {
    method: 'NativeTunnelForwarder#localAddr',
    claim: 'where it listens',
    async run({ box }) {
      await listenIn(box, 4007);
      const forwarder = await (await box.network.tunnel(4007)).forward({ type: 'tcp', host: '127.0.0.1', port: 0 });
      expect(forwarder.localAddr()).toMatchObject({ type: 'tcp', host: '127.0.0.1' });
      await forwarder.close();
    },
  },
  {
    method: 'NativeTunnelForwarder#wait',
    claim: 'resolves when it is closed',
    async run({ box }) {
      await listenIn(box, 4008);
      const forwarder = await (await box.network.tunnel(4008)).forward({ type: 'tcp', host: '127.0.0.1', port: 0 });
      const waited = forwarder.wait();
      await forwarder.close();
      await waited;
    },
  },
  {
    method: 'NativeTunnelForwarder#close',
    claim: 'nobody listens any more',
    async run({ box }) {
      await listenIn(box, 4009);
      const forwarder = await (await box.network.tunnel(4009)).forward({ type: 'tcp', host: '127.0.0.1', port: 0 });
      const address = forwarder.localAddr();
      await forwarder.close();
      await expect(askForwarder(address, 'one')).rejects.toThrow(/ECONNREFUSED/);
    },
  },
  ...(['NetworkHandle', 'SimpleBox'] as const).map(
    (whose): Row => ({
      method: `${whose}#tunnel`,
      claim: 'to a server in the box',
      async run({ client, runtime }) {
        const simple = new client.SimpleBox({ runtime, image: 'base' });
        try {
          const box = await runtime.get(await simple.getId());
          if (box === null) throw new Error('the box is not there');
          await listenIn(box, 4010);
          const tunnel = whose === 'SimpleBox' ? await simple.tunnel(4010) : await simple.network.tunnel(4010);
          expect(await answerOf(await tunnel.connect(), 'hello')).toBe('heard hello');
        } finally {
          await runtime.remove(await simple.getId(), true);
        }
      },
    }),
  ),
  ...(['uri', 'connect', 'forward'] as const).map(
    (call): Row => ({
      method: `BoxTunnel#${call}`,
      claim: 'as the runtime’s own',
      async run({ client, box }) {
        await listenIn(box, 4011);
        const tunnel = new client.BoxTunnel(await box.network.tunnel(4011));
        if (call === 'uri') expect(tunnel.uri()).toContain('@127.0.0.1:');
        else if (call === 'connect') expect(await answerOf(await tunnel.connect(), 'hello')).toBe('heard hello');
        else {
          const forwarder = await tunnel.forward({ type: 'tcp', host: '127.0.0.1', port: 0 });
          expect(await askForwarder(forwarder.localAddr(), 'hello')).toBe('heard hello');
          await forwarder.close();
        }
      },
    }),
  ),
  ...(['localAddr', 'wait', 'close'] as const).map(
    (call): Row => ({
      method: `TunnelForwarder#${call}`,
      claim: 'as the runtime’s own',
      async run({ client, box }) {
        await listenIn(box, 4011);
        const tunnel = new client.BoxTunnel(await box.network.tunnel(4011));
        const forwarder = await tunnel.forward({ type: 'tcp', host: '127.0.0.1', port: 0 });
        const address = forwarder.localAddr();
        expect(address).toMatchObject({ host: '127.0.0.1' });
        const waited = forwarder.wait();
        await forwarder.close();
        await waited;
        await expect(askForwarder(address, 'one')).rejects.toThrow(/ECONNREFUSED/);
      },
    }),
  ),
];
