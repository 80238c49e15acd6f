import { execFileSync } from 'node:child_process';
import { readSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import {
  closeFd,
  LinuxError,
  type Message,
  makePipe,
  registeredFds,
  SeqpacketChannel,
  seqpacketPair,
} from '../src/index.ts';
import { openDescriptors } from './open-descriptors.ts';

const limits = { maxBytes: 4096, maxFds: 2 };
const open: SeqpacketChannel[] = [];
afterEach(() => {
  for (const channel of open.splice(0)) channel.close();
});

interface Peer {
  channel: SeqpacketChannel;
  messages: Message[];
  /** Resolves when so many messages have come. */
  received(count: number): Promise<Message[]>;
  closed: Promise<LinuxError | null>;
}

function peer(fd: number, options: Partial<typeof limits> = {}): Peer {
  const messages: Message[] = [];
  const closed = Promise.withResolvers<LinuxError | null>();
  let arrived = Promise.withResolvers<void>();
  const channel = new SeqpacketChannel(fd, {
    ...limits,
    ...options,
    onMessage(message) {
      messages.push(message);
      arrived.resolve();
      arrived = Promise.withResolvers();
    },
    onClose: closed.resolve,
  });
  open.push(channel);
  const received = async (count: number) => {
    while (messages.length < count) await arrived.promise;
    return messages;
  };
  return { channel, messages, received, closed: closed.promise };
}

test('messages keep their bounds and their order', async () => {
  const [left, right] = seqpacketPair();
  const [sender, receiver] = [peer(left), peer(right)];
  for (const text of ['a', 'bc', 'def']) expect(sender.channel.send(Buffer.from(text))).toBe(true);
  const messages = await receiver.received(3);
  expect(messages.map(({ data }) => data.toString())).toEqual(['a', 'bc', 'def']);
  expect(
    messages.every(({ truncated, controlTruncated, fds }) => !truncated && !controlTruncated && fds.length === 0),
  ).toBe(true);
});

test('a message is the receiver’s: a later one does not change it', async () => {
  const [left, right] = seqpacketPair();
  const [sender, receiver] = [peer(left), peer(right)];
  sender.channel.send(Buffer.from('first'));
  await receiver.received(1);
  sender.channel.send(Buffer.from('other'));
  const messages = await receiver.received(2);
  expect(messages[0]?.data.toString()).toBe('first');
});

test('descriptors arrive as the receiver’s own, registered and open', async () => {
  const [left, right] = seqpacketPair();
  const [sender, receiver] = [peer(left), peer(right)];
  const [readEnd, writeEnd] = makePipe();
  sender.channel.send(Buffer.from('pipe'), [readEnd]);
  closeFd(readEnd);
  const [received] = (await receiver.received(1))[0]?.fds ?? [];
  expect(registeredFds()).toContain(received);
  writeSync(writeEnd, 'through');
  const bytes = Buffer.alloc(16);
  expect(bytes.toString('utf8', 0, readSync(received ?? -1, bytes))).toBe('through');
  closeFd(received ?? -1);
  closeFd(writeEnd);
});

// Mutation: without `cut` in take_descriptors the two descriptors of the cut message stay open.
test('inv-27: a truncated message is flagged, its descriptors are closed and the channel goes on', async () => {
  const [left, right] = seqpacketPair();
  const [sender, receiver] = [peer(left, { maxFds: 8 }), peer(right, { maxBytes: 4, maxFds: 1 })];
  const [readEnd, writeEnd] = makePipe();
  const before = openDescriptors();
  sender.channel.send(Buffer.from('toolong'), [readEnd]);
  sender.channel.send(Buffer.from('fds'), [readEnd, writeEnd]);
  sender.channel.send(Buffer.from('fine'));
  const seen = (await receiver.received(3)).map(({ data, ...rest }) => ({ data: data.toString(), ...rest }));
  expect(seen).toEqual([
    { data: 'tool', fds: [], truncated: true, controlTruncated: false },
    { data: 'fds', fds: [], truncated: false, controlTruncated: true },
    { data: 'fine', fds: [], truncated: false, controlTruncated: false },
  ]);
  expect(openDescriptors()).toEqual(before);
  closeFd(readEnd);
  closeFd(writeEnd);
});

test('inv-27: descriptors to a receiver that takes none are flagged and closed', async () => {
  const [left, right] = seqpacketPair();
  const [sender, receiver] = [peer(left), peer(right, { maxFds: 0 })];
  sender.channel.send(Buffer.from('x'), [0]);
  expect(await receiver.received(1)).toMatchObject([{ fds: [], controlTruncated: true }]);
});

// Mutation: without the length check in send_message the kernel takes the message and the receiver gets a cut one.
test('inv-28: a message over a limit is refused before it is sent, with the limit and the size', async () => {
  const [left, right] = seqpacketPair();
  const [sender, receiver] = [peer(left), peer(right)];
  expect(() => sender.channel.send(Buffer.alloc(4097))).toThrow(/EMSGSIZE.*4097 bytes of at most 4096/);
  expect(() => sender.channel.send(Buffer.from('x'), [0, 1, 2])).toThrow(/EMSGSIZE.*3 descriptors of at most 2/);
  expect(() => sender.channel.send(Buffer.alloc(0))).toThrow(/EINVAL.*end of file/);
  sender.channel.send(Buffer.alloc(4096));
  expect((await receiver.received(1)).map(({ data }) => data.length)).toEqual([4096]);
});

test('a full socket queues in order, with descriptors that survive the caller’s close', async () => {
  const [left, right] = seqpacketPair();
  const sender = peer(left);
  const [readEnd, writeEnd] = makePipe();
  let sent = 0;
  while (sender.channel.send(Buffer.from(String(sent++)))) continue;
  expect(sender.channel.send(Buffer.from('with a pipe'), [readEnd])).toBe(false);
  closeFd(readEnd);
  expect(sender.channel.queued).toBe(2);
  const receiver = peer(right);
  const messages = await receiver.received(sent + 1);
  expect(messages.slice(0, -1).map(({ data }) => Number(data))).toEqual(Array.from({ length: sent }, (_, i) => i));
  expect(sender.channel.queued).toBe(0);
  const received = messages.at(-1)?.fds[0] ?? -1;
  writeSync(writeEnd, 'x');
  expect(readSync(received, Buffer.alloc(2))).toBe(1);
  closeFd(received);
  closeFd(writeEnd);
});

test('closing drops the queue and its duplicates, and says nothing', () => {
  const before = openDescriptors();
  const [left, right] = seqpacketPair();
  let told = false;
  const channel = new SeqpacketChannel(left, { ...limits, onMessage() {}, onClose: () => (told = true) });
  while (channel.send(Buffer.from('x'), [0])) continue;
  channel.close();
  channel.close();
  closeFd(right);
  expect(openDescriptors()).toEqual(before);
  expect(told).toBe(false);
  expect(() => channel.send(Buffer.from('x'))).toThrow(/EBADF.*the channel is closed/);
});

test('the end of the peer comes after its last message, once, and frees the descriptor', async () => {
  const before = openDescriptors();
  const [left, right] = seqpacketPair();
  const [sender, receiver] = [peer(left), peer(right)];
  sender.channel.send(Buffer.from('last words'));
  sender.channel.close();
  expect(await receiver.closed).toBeNull();
  expect(receiver.messages.map(({ data }) => data.toString())).toEqual(['last words']);
  expect(openDescriptors()).toEqual(before);
});

// The kernel tells ECONNRESET before it hands out what is still queued.
test('what a peer said before it went away without listening is still delivered, then the error', async () => {
  const [left, right] = seqpacketPair();
  const sender = peer(left);
  const receiver = peer(right);
  receiver.channel.send(Buffer.from('never read'));
  sender.channel.send(Buffer.from('last words'));
  sender.channel.close();
  expect(await receiver.closed).toMatchObject({ code: 'ECONNRESET', syscall: 'recvmsg' });
  expect(receiver.messages.map(({ data }) => data.toString())).toEqual(['last words']);
});

test('the channel may be closed from inside its callback', async () => {
  const [left, right] = seqpacketPair();
  const sender = peer(left);
  let count = 0;
  const receiver = new SeqpacketChannel(right, {
    ...limits,
    onMessage() {
      count++;
      receiver.close();
    },
    onClose() {},
  });
  sender.channel.send(Buffer.from('one'));
  sender.channel.send(Buffer.from('two'));
  await sender.closed;
  expect(count).toBe(1);
});

test('a chatty peer does not keep others from their turn', async () => {
  const [left, right] = seqpacketPair();
  const sender = peer(left);
  const total = 200;
  for (let i = 0; i < total; i++) sender.channel.send(Buffer.from('x'));
  const receiver = peer(right);
  await receiver.received(1);
  const atNextTurn = await new Promise<number>((resolve) => setImmediate(() => resolve(receiver.messages.length)));
  expect(atNextTurn).toBeLessThan(total);
  await receiver.received(total);
});

test('microtasks run between two messages', async () => {
  const [left, right] = seqpacketPair();
  const sender = peer(left);
  const order: string[] = [];
  const done = Promise.withResolvers<void>();
  const receiver = new SeqpacketChannel(right, {
    ...limits,
    onMessage({ data }) {
      order.push(`message ${data.toString()}`);
      void Promise.resolve().then(() => order.push(`microtask ${data.toString()}`));
      if (data.toString() === '2') setImmediate(done.resolve);
    },
    onClose() {},
  });
  open.push(receiver);
  sender.channel.send(Buffer.from('1'));
  sender.channel.send(Buffer.from('2'));
  await done.promise;
  expect(order).toEqual(['message 1', 'microtask 1', 'message 2', 'microtask 2']);
});

test('a throwing callback is an uncaughtException, and the next message comes all the same', () => {
  const program = `
    import { SeqpacketChannel, seqpacketPair } from '@hatchery/linux';
    const [left, right] = seqpacketPair();
    const sender = new SeqpacketChannel(left, { maxBytes: 9, maxFds: 0, onMessage() {}, onClose() {} });
    const receiver = new SeqpacketChannel(right, { maxBytes: 9, maxFds: 0, onClose() {}, onMessage({ data }) {
      if (data.toString() === 'end') { receiver.close(); sender.close(); }
      else throw new Error('thrown at ' + data);
    } });
    process.on('uncaughtException', (error) => console.log('uncaught', error.message));
    sender.send(Buffer.from('one'));
    sender.send(Buffer.from('end'));`;
  const output = execFileSync(
    process.execPath,
    ['--conditions=@hatchery/source', '--input-type=module-typescript', '--eval', program],
    { cwd: fileURLToPath(new URL('..', import.meta.url)), encoding: 'utf8' },
  );
  expect(output).toBe('uncaught thrown at one\n');
});

test('only a SEQPACKET socket is taken, and what is refused stays the caller’s', () => {
  const [readEnd, writeEnd] = makePipe();
  expect(() => peer(readEnd)).toThrow(LinuxError);
  expect(registeredFds()).toContain(readEnd);
  closeFd(readEnd);
  closeFd(writeEnd);
});
