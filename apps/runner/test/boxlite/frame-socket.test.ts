import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { FrameSocket } from '../../src/boxlite/attach/frame-socket.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A WebSocket whose other end is these tests: what is sent waits in `sent` until it is taken. */
class MadeUpSocket extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  isPaused = false;
  pings = 0;
  readonly sent: { bytes: number; done: () => void }[] = [];

  get bufferedAmount(): number {
    return this.sent.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  ping(_data: unknown, _mask: boolean, done: () => void): void {
    this.pings += 1;
    this.sent.push({ bytes: 2, done });
  }

  pong(data: Buffer, _mask: boolean, done: () => void): void {
    this.sent.push({ bytes: data.length, done });
  }

  send(data: Buffer | string, ...more: unknown[]): void {
    this.sent.push({ bytes: data.length, done: more.at(-1) as () => void });
  }

  take(): void {
    const next = this.sent.shift();
    next?.done();
  }

  terminate(): void {
    this.readyState = 3;
    this.emit('close');
  }

  close(): void {
    this.terminate();
  }
}

function open(): { made: MadeUpSocket; frames: FrameSocket } {
  const made = new MadeUpSocket();
  return { made, frames: new FrameSocket(made as unknown as WebSocket) };
}

it('pings at once, and every fifteen seconds as long as it is answered', () => {
  const { made, frames } = open();
  expect(made.pings).toBe(1);
  for (let minute = 0; minute < 60; minute++) {
    made.take();
    vi.advanceTimersByTime(15_000);
    made.emit('pong');
  }
  expect([made.pings, frames.accepts]).toEqual([61, true]);
});

it('a client that takes nothing for twenty seconds is cut off, and who waits for it goes on', async () => {
  const { made, frames } = open();
  let isDone = false;
  const sending = frames.send(Buffer.alloc(300_000)).then(() => (isDone = true));
  vi.advanceTimersByTime(20_000);
  made.emit('pong');
  expect([frames.accepts, isDone]).toEqual([true, false]);
  // Mutation: without the look at what is stuck it stays for as long as TCP tries.
  vi.advanceTimersByTime(5000);
  expect(frames.accepts).toBe(false);
  await sending;
});

it('one that is slow and takes a little in time stays', async () => {
  const { made, frames } = open();
  const sending = Array.from({ length: 10 }, () => frames.send(Buffer.alloc(300_000)));
  for (let turn = 0; turn < 11; turn++) {
    vi.advanceTimersByTime(14_000);
    made.emit('pong');
    made.take();
  }
  await Promise.all(sending);
  expect(frames.accepts).toBe(true);
});

it('inv-8: nothing is said behind the last frame, and the connection is closed when all of it has been taken', async () => {
  const { made, frames } = open();
  made.take();
  void frames.send(Buffer.alloc(10));
  const ended = frames.end(1000, '', { type: 'exit' });
  // Mutation: without the mark of the end a late remark comes behind the exit.
  frames.tell({ type: 'error' });
  void frames.send(Buffer.alloc(10));
  vi.advanceTimersByTime(15_000);
  expect([made.sent.length, made.readyState]).toEqual([2, 1]);
  while (made.sent.length > 0) made.take();
  await ended;
  expect(frames.accepts).toBe(false);
});

it('one that says nothing for 45 seconds is gone; not one that is not listened to', () => {
  for (const [isPaused, isOpen] of [
    [false, false],
    [true, true],
  ] as const) {
    const { made, frames } = open();
    made.isPaused = isPaused;
    for (let second = 0; second < 50; second++) {
      while (made.sent.length > 0) made.take();
      vi.advanceTimersByTime(1000);
    }
    expect(frames.accepts).toBe(isOpen);
  }
});
