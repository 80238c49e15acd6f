import { writeSync } from 'node:fs';
import { closeFd, makePipe } from '@hatchery/linux';
import { expect, onTestFinished, test } from 'vitest';
import type { OutputEvent } from '../src/index.ts';
import { attach } from '../src/output/attach.ts';
import { OutputLog } from '../src/output/output-log.ts';
import { OutputSource } from '../src/output/output-source.ts';
import { ReplayBudget } from '../src/output/replay-budget.ts';
import type { AttachOptions, ExitStatus } from '../src/types.ts';

const kibibyte = 1024;
const exited: ExitStatus = { exitCode: 0, signal: null, reason: 'exited', usage: null };

/** One stream on a real pipe; `write` does not wait, `end` is the exit. */
function openStream(replayBytes: number) {
  const [readEnd, writeEnd] = makePipe();
  const log = new OutputLog();
  const options = { isTerminal: false, budget: new ReplayBudget(2 ** 30), record: null, onFinished: () => {} };
  const source = new OutputSource(readEnd, { ...options, log, replayBytes });
  let exit: ExitStatus | null = null;
  const listeners = new Set<() => void>();
  const write = (byte: string, bytes: number): void => void writeSync(writeEnd, Buffer.alloc(bytes, byte));
  onTestFinished(() => {
    source.finish();
    closeFd(writeEnd);
  });
  const follow = (how: AttachOptions) => {
    const onExit = (listener: () => void): Disposable => {
      listeners.add(listener);
      return { [Symbol.dispose]: () => listeners.delete(listener) };
    };
    return attach({ what: 'a test', sources: { stdout: source }, exit: () => exit, onExit }, how);
  };
  const end = (): void => {
    source.takePending();
    exit = exited;
    for (const listener of listeners) listener();
  };
  return { source, log, write, follow, end };
}

/** What a pipe of 64 KiB holds at a time, and a read brings. */
const pipeful = 64 * kibibyte;

/** Follows `stream` while a pipeful of each letter is written; `look` gets each letter's bytes. */
async function eachLetter(
  stream: ReturnType<typeof openStream>,
  letters: readonly string[],
  how: AttachOptions,
  look: (data: Buffer) => void,
): Promise<void> {
  const events = stream.follow(how);
  for (const letter of letters) {
    const pending = events.next();
    stream.write(letter, pipeful);
    for (let event: IteratorResult<OutputEvent> = await pending, bytes = 0; ; event = await events.next()) {
      if (event.value.type !== 'data') throw new Error(JSON.stringify(event));
      expect(event.value.data.every((byte: number) => byte === letter.charCodeAt(0))).toBe(true);
      look(event.value.data);
      bytes += event.value.data.length;
      if (bytes === pipeful) break;
    }
  }
  stream.end();
  expect((await events.next()).value).toEqual({ type: 'exit', status: exited });
}

const letters = Array.from({ length: 26 }, (_, n) => String.fromCharCode(97 + n));

// Mutation: OutputSource.#take gives the shared read buffer to the log.
test('inv-12: what one stream has read stays as it was, whatever others read next', async () => {
  const streams = letters.map((letter) => ({ letter, ...openStream(2 ** 20) }));
  for (const { letter, write, source } of streams) {
    write(letter, 40 * kibibyte);
    source.takePending();
  }
  for (const { letter, log } of streams) expect(String(log.at(0))).toBe(letter.repeat(40 * kibibyte));
});

// Mutation: at() does not say that the block was given: its memory is written again.
test('inv-12: a reader may keep every chunk that it got, however little is kept for replays', async () => {
  const chunks: Buffer[] = [];
  await eachLetter(openStream(0), letters, { backPressure: true }, (data) => chunks.push(data));
  expect(String(Buffer.concat(chunks))).toBe(letters.map((letter) => letter.repeat(pipeful)).join(''));
});

// Mutation: #recycle keeps nothing; lend() says that the block was given; a loan is never given back.
test('what is only lent is written again: a long stream takes the memory of a few blocks', async () => {
  const memory = new Set<ArrayBufferLike>();
  await eachLetter(openStream(0), letters, { backPressure: true, lend: true }, (data) => memory.add(data.buffer));
  expect(memory.size).toBeLessThan(6);
});

// Mutation: #recycle does not ask whether the block is lent.
test('inv-12: lent bytes stay as they are until the next event is asked for, also for one that holds nobody back', async () => {
  const stream = openStream(1);
  const slow = stream.follow({ lend: true });
  const first = slow.next();
  stream.write('X', pipeful);
  const { value } = await first;
  await eachLetter(stream, letters, { backPressure: true, lend: true, stdoutOffset: pipeful }, () => {});
  expect(value).toMatchObject({ type: 'data', offset: 0 });
  expect(String((value as { data: Buffer }).data)).toBe('X'.repeat(pipeful));
  expect((await slow.next()).value).toMatchObject({ type: 'gap', offset: pipeful });
  await slow.return?.();
});

// Mutation: #recycle does not ask whether the block was given.
test('inv-12: one who keeps and one who borrows read the same stream, and each sees what was written', async () => {
  const stream = openStream(0);
  const kept: Buffer[] = [];
  const keeping = (async () => {
    for await (const event of stream.follow({ backPressure: true })) if (event.type === 'data') kept.push(event.data);
  })();
  await eachLetter(stream, letters, { backPressure: true, lend: true }, () => {});
  await keeping;
  expect(String(Buffer.concat(kept))).toBe(letters.map((letter) => letter.repeat(pipeful)).join(''));
});

// Mutation: seal() left out of finish(): a stream that has ended keeps memory for its next read.
test('a stream that has ended keeps no memory but what it has to say', async () => {
  const stream = openStream(0);
  await eachLetter(stream, letters, { backPressure: true, lend: true }, () => {});
  stream.source.finish();
  const given = Buffer.alloc(pipeful);
  expect(stream.log.exchange(given, pipeful)).not.toBe(given);
  stream.log.trim(0, Number.MAX_SAFE_INTEGER);
  expect(stream.log.exchange(Buffer.alloc(pipeful), pipeful)).not.toBe(given);
});
