import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { openChannelMemory, Word } from '../src/channel-memory.ts';
import { attachSharedSender, createSharedChannel, QueueClosedError } from '../src/index.ts';
import { SharedReceiver } from '../src/shared-receiver.ts';
import { outputOf } from './output-of.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

interface Started {
  readonly worker: Worker;
  /** Its exit code. Listened for from the start: the exit may follow the last message in the same turn. */
  readonly exited: Promise<number>;
}

function startWorker(name: string, workerData: unknown): Started {
  const worker = new Worker(new URL(`./workers/${name}.ts`, import.meta.url), { workerData });
  return { worker, exited: once(worker, 'exit').then(([exitCode]) => exitCode as number) };
}

function collect(receiver: SharedReceiver, max?: number): number[][] {
  const messages: number[][] = [];
  receiver.drain((message) => messages.push([...message]), { max });
  return messages;
}

function code(code: string): unknown {
  return expect.objectContaining({ code });
}

describe('one thread', () => {
  it('carries messages of every size up to the stated one, in order, byte for byte, over the end of the ring', () => {
    const { sender, receiver } = createSharedChannel({ capacityBytes: 1024 });
    expect(sender.maxMessageBytes).toBe(1016);
    for (let length = 0; length <= sender.maxMessageBytes; length += 1) {
      const message = Uint8Array.from({ length }, (_, index) => index + length);
      expect(sender.trySend(message)).toBe(true);
      expect(collect(receiver)).toEqual([[...message]]);
    }
    expect(() => sender.trySend(new Uint8Array(1017))).toThrow(code('ERR_CHANNEL_MESSAGE_SIZE'));
  });

  // Mutation: #wait keeps the caller's bytes instead of a copy: 99 is delivered.
  it('inv-3: is bounded; a full channel refuses trySend and makes send wait, in order, with the bytes as they were', async () => {
    const { sender, receiver } = createSharedChannel({ capacityBytes: 1024 });
    let count = 0;
    while (sender.trySend(bytes(count))) count += 1;
    expect(count).toBe(1024 / 16);
    const reused = bytes(count);
    const waiting = [sender.send(reused), sender.send(bytes(count + 1))];
    reused[0] = 99;
    expect(collect(receiver, 1)).toEqual([[0]]);
    expect(sender.trySend(bytes(77))).toBe(false);
    const seen: number[] = [0];
    while (seen.length < count + 2) await receiver.drainWait((message) => seen.push(message[0] as number));
    await Promise.all(waiting);
    expect(seen).toEqual(Array.from({ length: count + 2 }, (_, index) => index));
  });

  // Mutation: no #sendWaiting after an abort: the small message waits for ever behind the large one that left.
  it('inv-3: a message that fits goes on when a large one before it is aborted', async () => {
    const { sender, receiver } = createSharedChannel({ capacityBytes: 1024 });
    sender.trySend(new Uint8Array(100));
    const abort = new AbortController();
    const large = sender.send(new Uint8Array(1000), { signal: abort.signal });
    const small = sender.send(bytes(5));
    abort.abort(new Error('no more'));
    await expect(large).rejects.toThrow('no more');
    await small;
    expect(collect(receiver).map(({ length }) => length)).toEqual([100, 1]);
  });

  // Mutation: #sendWaiting in the abort itself: the second message goes although its signal has fired.
  it('inv-5: a signal of several waiting messages ends them all; none goes into the space that another left', async () => {
    const { sender, receiver } = createSharedChannel({ capacityBytes: 1024 });
    sender.trySend(new Uint8Array(100));
    const abort = new AbortController();
    const sends = [1000, 1, 2].map((length) => sender.send(new Uint8Array(length), { signal: abort.signal }));
    abort.abort(new Error('no more'));
    await Promise.all(sends.map((send) => expect(send).rejects.toThrow('no more')));
    expect(collect(receiver).map(({ length }) => length)).toEqual([100]);
  });

  // Mutation: no release() at the end of a drain: the sender never gets the space back.
  it('inv-2: a handler may throw, close or drain, as on the queue', async () => {
    const { sender, receiver } = createSharedChannel({ capacityBytes: 1024 });
    for (const value of [1, 2, 3, 4]) sender.trySend(bytes(value));
    const error = new Error('handler');
    expect(() =>
      receiver.drain(() => {
        throw error;
      }),
    ).toThrow(error);
    expect(() => receiver.drain(() => receiver.drain(() => {}))).toThrow(code('ERR_QUEUE_NESTED_DRAIN'));
    expect(sender.trySend(new Uint8Array(1024 - 2 * 16 - 8))).toBe(true);
    expect(receiver.drain(() => receiver.close())).toBe(1);
    expect(receiver.closed).toBe(true);
    expect(receiver.drain(() => {})).toBe(0);
    await expect(sender.send(bytes(1))).rejects.toBeInstanceOf(QueueClosedError);
    expect(sender.trySend(bytes(1))).toBe(false);
  });

  it('a message is the handler’s to keep', () => {
    const { sender, receiver } = createSharedChannel({ capacityBytes: 1024 });
    const kept: Uint8Array[] = [];
    for (let round = 0; round < 100; round += 1) {
      while (sender.trySend(new Uint8Array(8).fill(round)));
      receiver.drain((message) => kept.push(message));
    }
    expect(kept.length).toBe(6400);
    kept.forEach((message, index) => expect([...new Set(message)]).toEqual([Math.floor(index / 64)]));
  });

  // Mutation: checkSignal after #trySend: the refused message is delivered.
  it('inv-4: an invalid argument fails at the call and sends nothing', async () => {
    const { sender, receiver } = createSharedChannel();
    expect(() => sender.trySend('text' as never)).toThrow(code('ERR_QUEUE_ARGUMENT'));
    await expect(sender.send(bytes(1), { signal: 1 as never })).rejects.toEqual(code('ERR_QUEUE_ARGUMENT'));
    await expect(sender.send(bytes(1), { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
    expect(() => createSharedChannel({ capacityBytes: 1000 })).toThrow(code('ERR_QUEUE_ARGUMENT'));
    expect(await receiver.drainWait(() => {}, { timeoutMs: 0 })).toBe(0);
  });

  // Mutation: #endReached does not compare the counters: what was sent before the close is lost.
  it('inv-6: closed by its sender it delivers what was sent, then tells', async () => {
    const { sender, receiver } = createSharedChannel();
    sender.trySend(bytes(1));
    sender.close();
    sender.close();
    expect(receiver.closed).toBe(false);
    expect(await receiver.drainWait(() => {})).toBe(1);
    expect(receiver.closed).toBe(true);
    await expect(receiver.drainWait(() => {})).rejects.toEqual(code('ERR_QUEUE_CLOSED'));
    const reason = new Error('the runtime is closed');
    const other = createSharedChannel();
    const waiting = other.receiver.drainWait(() => {});
    other.receiver.close(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  // Mutation: #end or #sendWaiting leaves KeepAlive on: the program never ends, and the test fails after 10 seconds.
  it('inv-7: after a close or an aborted send, and while a receiver waits without ref, nothing keeps a program alive', () => {
    const program = `
      process.on('exit', () => console.log('ended'));
      void createSharedChannel().receiver.drainWait(() => {});
      const { sender } = createSharedChannel({ capacityBytes: 1024 });
      sender.trySend(new Uint8Array(1000));
      const abort = new AbortController();
      sender.send(new Uint8Array(1000), { signal: abort.signal }).catch(() => console.log('aborted'));
      setImmediate(() => abort.abort());
      const { receiver } = createSharedChannel();
      receiver.ref();
      setImmediate(() => receiver.close());`;
    expect(outputOf(program)).toEqual(['aborted', 'ended']);
    const referenced = `
      const { receiver } = createSharedChannel();
      receiver.ref();
      receiver.drainWait(() => {}).catch((error) => console.log(error.code));
      setTimeout(() => receiver.close(), 1).unref();`;
    expect(outputOf(referenced)).toEqual(['ERR_QUEUE_CLOSED']);
  });

  it('has one sender', () => {
    const { sender } = createSharedChannel();
    attachSharedSender(structuredClone(sender));
    expect(() => sender.trySend(bytes(1))).toThrow(code('ERR_CHANNEL_SENDER_TAKEN'));
    expect(() => attachSharedSender(sender)).toThrow(code('ERR_CHANNEL_SENDER_TAKEN'));
  });

  it('goes on when its counters overflow 32 bits', () => {
    const { sender, receiver } = channelAt(-512);
    for (let round = 0; round < 1000; round += 1) {
      expect(sender.trySend(new Uint8Array(100).fill(round))).toBe(true);
      expect(collect(receiver)).toEqual([Array.from({ length: 100 }, () => round & 255)]);
    }
  });
});

describe('hostile memory', () => {
  it.each([
    ['data of something else', {}],
    ['no data', undefined],
    ['memory of a wrong size', { channel: new SharedArrayBuffer(3000) }],
    ['memory without the mark', { channel: new SharedArrayBuffer(512 + 1024) }],
    ['memory that can grow', { channel: new SharedArrayBuffer(512 + 1024, { maxByteLength: 4096 }) }],
  ])('refuses to attach %s', (_, data) => {
    expect(() => attachSharedSender(data as never)).toThrow(code('ERR_CHANNEL_CORRUPT'));
  });

  // Mutation: #written unchecked, or take() without its loop: a RangeError or a message of foreign bytes.
  it.each([
    ['a counter beyond the ring', 4096, 8],
    ['a counter that went back', -8, 8],
    ['a counter between two frames', 12, 4],
    ['a length beyond what was written', 16, 9],
    ['a length beyond the ring', 16, 5000],
    ['a negative length', 16, -1],
    ['the largest length', 1024, 2 ** 31 - 1],
  ])('%s is a typed error, closes the channel and tells both sides', async (_, written, length) => {
    const { sender, receiver } = createSharedChannel({ capacityBytes: 1024 });
    new Int32Array(sender.channel, 512)[0] = length;
    Atomics.store(new Int32Array(sender.channel), Word.written, written);
    const seen: Uint8Array[] = [];
    expect(() => receiver.drain((message) => seen.push(message), { max: 9 })).toThrow(code('ERR_CHANNEL_CORRUPT'));
    expect([seen, receiver.closed, sender.closed]).toEqual([[], true, true]);
    await expect(receiver.drainWait(() => {})).rejects.toEqual(code('ERR_CHANNEL_CORRUPT'));
  });

  it('a receiver’s counter that cannot be is a typed error of the sender', async () => {
    const { sender } = createSharedChannel({ capacityBytes: 1024 });
    while (sender.trySend(bytes(1)));
    const waiting = sender.send(bytes(2));
    const words = new Int32Array(sender.channel);
    Atomics.store(words, Word.read, 4096);
    Atomics.store(words, Word.spaceBell, 0);
    Atomics.notify(words, Word.spaceBell);
    await expect(waiting).rejects.toEqual(code('ERR_CHANNEL_CORRUPT'));
  });

  it('a bell that rings all the time starves no other work of the thread', async () => {
    const { sender, receiver } = createSharedChannel();
    const words = new Int32Array(sender.channel);
    const stopped = new Int32Array(new SharedArrayBuffer(4));
    const source = `const { workerData: { words, stopped } } = require('node:worker_threads');
      while (Atomics.load(stopped, 0) === 0) { Atomics.store(words, ${Word.dataBell}, 0); Atomics.notify(words, ${Word.dataBell}); }`;
    const ringer = new Worker(source, { eval: true, workerData: { words, stopped } });
    await once(ringer, 'online');
    expect(await receiver.drainWait(() => {}, { timeoutMs: 50 })).toBe(0);
    Atomics.store(stopped, 0, 1);
    await once(ringer, 'exit');
  });
});

describe('worker to main', () => {
  // Mutation: BellSleep.start sleeps without looking (changed() ignored): a wake-up is lost, and the test times out.
  it('inv-6: a million events arrive once, in order, with equal digests, though the consumer pauses at random', async () => {
    const { sender, receiver } = createSharedChannel({ capacityBytes: 2 ** 16 });
    const count = 1_000_000;
    const { worker, exited } = startWorker('producer', { sender, count, largest: 120 });
    const digest = once(worker, 'message');
    const hash = createHash('sha256');
    let next = 0;
    let misplaced = 0;
    const handler = (message: Uint8Array): void => {
      hash.update(message);
      if (Buffer.from(message.buffer, message.byteOffset).readUInt32LE() !== next) misplaced += 1;
      next += 1;
    };
    let turns = 0;
    while (!receiver.closed) {
      // A pause is some turns of this thread's loop, so that the sender meets a full and an empty channel.
      for (let pause = (turns * 7) % 13; pause > 9; pause -= 1) await new Promise(setImmediate);
      await receiver.drainWait(handler, turns % 3 === 0 ? { max: (turns * 31) % 500 } : {}).catch(ignoreClosed);
      turns += 1;
    }
    expect([next, misplaced]).toEqual([count, 0]);
    expect(hash.digest('hex')).toBe((await digest)[0]);
    expect(await exited).toBe(0);
  }, 20_000);

  // Mutation: #refill leaves out what lies at the start of the ring, or copyToShared the last byte: the digests differ.
  it('inv-3: messages larger than the private copies arrive whole', async () => {
    const { sender, receiver } = createSharedChannel({ capacityBytes: 2 ** 20 });
    const { worker, exited } = startWorker('producer', { sender, count: 300, largest: 500_000 });
    const digest = once(worker, 'message');
    const hash = createHash('sha256');
    while (!receiver.closed) await receiver.drainWait((message) => hash.update(message)).catch(ignoreClosed);
    expect(hash.digest('hex')).toBe((await digest)[0]);
    expect(await exited).toBe(0);
  });

  // Mutation: Commit stores `written` before the bytes: a message of the ring's older bytes is seen.
  it.each([1, 50, 3000])(
    'a worker ended at message %i leaves whole messages only, all that it committed',
    async (at) => {
      const { sender, receiver } = createSharedChannel({ capacityBytes: 2 ** 20 });
      const progress = new Int32Array(new SharedArrayBuffer(4));
      const { worker, exited } = startWorker('producer', { sender, count: 1_000_000_000, largest: 3000, progress });
      const told = exited.then(() => sender.close());
      let next = 0;
      let torn = 0;
      const handler = (message: Uint8Array): void => {
        const wanted = 4 + ((next * 7919) % 2997);
        if (message.length !== wanted || Buffer.from(message).readUInt32LE() !== next) torn += 1;
        next += 1;
      };
      for (let seen = 0; seen < at; ) seen += await receiver.drainWait(handler);
      const terminated = worker.terminate();
      while (!receiver.closed) await receiver.drainWait(handler).catch(ignoreClosed);
      await Promise.all([terminated, told]);
      expect(torn).toBe(0);
      // The thread may have died between a commit and its report.
      expect(next - Atomics.load(progress, 0)).toBeGreaterThanOrEqual(0);
      expect(next - Atomics.load(progress, 0)).toBeLessThanOrEqual(1);
    },
  );

  // Mutation: markClosed rings no bells: the worker waits for ever, and the test times out.
  it('inv-6: a close here wakes a worker that waits in send', async () => {
    const { sender, receiver } = createSharedChannel({ capacityBytes: 1024 });
    const { worker, exited } = startWorker('waiting-sender', sender);
    expect(await once(worker, 'message')).toEqual(['full']);
    receiver.close();
    expect(await once(worker, 'message')).toEqual(['ERR_QUEUE_CLOSED']);
    expect(await exited).toBe(0);
  });

  // Mutation: KeepAlive off in send: the worker's loop has nothing left, and it exits with its message unsent.
  it('a worker that waits in send lives until there is space', async () => {
    const { sender, receiver } = createSharedChannel({ capacityBytes: 1024 });
    const { worker, exited } = startWorker('waiting-sender', sender);
    expect(await once(worker, 'message')).toEqual(['full']);
    for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate);
    const answer = once(worker, 'message');
    expect(receiver.drain(() => {})).toBe(9);
    expect(await answer).toEqual(['sent']);
    expect(await exited).toBe(0);
    expect(receiver.drain(() => {})).toBe(1);
  });

  it('a worker ended while it waits in send leaves what it committed, and draining rings for nobody', async () => {
    const { sender, receiver } = createSharedChannel({ capacityBytes: 1024 });
    const { worker } = startWorker('waiting-sender', sender);
    expect(await once(worker, 'message')).toEqual(['full']);
    await worker.terminate();
    sender.close();
    expect(receiver.drain(() => {})).toBe(9);
    expect(receiver.closed).toBe(true);
  });

  // Mutation: markClosed rings armed bells only: the wait never ends, and the test times out.
  it('inv-6: a worker that died while it held the bell is found out by the close in its name', async () => {
    const { sender, receiver } = createSharedChannel();
    const waiting = receiver.drainWait(() => {});
    // As left by a thread that ended between taking the bell off and ringing it.
    Atomics.store(new Int32Array(sender.channel), Word.dataBell, 0);
    sender.close();
    await expect(waiting).rejects.toEqual(code('ERR_QUEUE_CLOSED'));
  });
});

function ignoreClosed(error: unknown): number {
  if (error instanceof QueueClosedError) return 0;
  throw error;
}

function channelAt(position: number): ReturnType<typeof createSharedChannel> {
  const { sender } = createSharedChannel({ capacityBytes: 1024 });
  const words = new Int32Array(sender.channel);
  Atomics.store(words, Word.written, position);
  Atomics.store(words, Word.read, position);
  return { sender, receiver: new SharedReceiver(openChannelMemory(sender.channel)) };
}
