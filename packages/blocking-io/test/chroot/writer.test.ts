import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fstatSync, readFileSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { closeFd, makePipe } from '@hatchery/linux';
import { expect, test } from 'vitest';
import type { FileWriter } from '../../src/index.ts';
import { openFilesBelow, testChroot } from './test-chroot.ts';

interface ProcessWriter {
  readonly writer: FileWriter;
  /** How often it was asked. */
  readonly count: () => number;
}

/** A process that copies its stdin into the file, as a sandbox's own does. */
function processWriter(command: readonly [string, ...string[]] = ['cat']): ProcessWriter {
  let count = 0;
  const writer: FileWriter = async (target) => {
    count += 1;
    const before = fstatSync(target).size;
    const [readEnd, pipe] = makePipe();
    const child = spawn(command[0], command.slice(1), { stdio: [readEnd, target, 'inherit'] });
    closeFd(readEnd);
    const done = once(child, 'exit').then(([status]) => {
      if (status !== 0) throw new Error(`the writer ended with ${String(status)}`);
      return fstatSync(target).size - before;
    });
    done.catch(() => {});
    return { pipe, done };
  };
  return { writer, count: () => count };
}

test('content beyond 64 KiB is written by the writer, less is not; appended content, too', async () => {
  // Mutation: writeLong() always takes the worker: the count stays 0.
  const { writer, count } = processWriter();
  const { chroot, at } = await testChroot({ writer });
  await chroot.write('small', Buffer.alloc(64 * 1024));
  await chroot.write('small', Readable.from([Buffer.alloc(40_000), Buffer.alloc(20_000)]));
  expect(count()).toBe(0);
  const bytes = Buffer.alloc(2 ** 20 + 1, 'twelve bytes');
  expect(await chroot.write('dir/memory', bytes, { mode: 0o600 })).toMatchObject({ size: bytes.length, mode: 0o600 });
  expect(await chroot.write('stream', Readable.from([bytes, bytes]))).toMatchObject({ size: 2 * bytes.length });
  expect(await chroot.write('stream', bytes, { append: true })).toMatchObject({ size: 3 * bytes.length });
  expect(count()).toBe(3);
  expect(readFileSync(at('stream')).equals(Buffer.concat([bytes, bytes, bytes]))).toBe(true);
});

test('a source is read no faster than the writer takes it', async () => {
  // Mutation: PipeFeed.write() resolves when the pipe is full: the source is read to its end at once.
  const { writer } = processWriter(['sh', '-c', 'read go; exec cat']);
  const { chroot } = await testChroot({ writer });
  let produced = 0;
  const chunk = Buffer.alloc(64 * 1024, 'x');
  const release = Promise.withResolvers<void>();
  const source = Readable.from(
    (async function* () {
      for (; produced < 256; produced += 1) {
        // The shell waits for a line, so the pipe fills up behind it.
        if (produced === 200) throw new Error('the source was read on though nobody took it');
        yield chunk;
        if (produced === 0) release.resolve();
      }
    })(),
    { objectMode: false, highWaterMark: 64 * 1024 },
  );
  const abort = new AbortController();
  const writing = chroot.write('file', source, { signal: abort.signal });
  await release.promise;
  // A round trip through the worker and back: time enough for a source that nobody holds back.
  for (let round = 0; round < 50; round += 1) await chroot.stat('/');
  const before = produced;
  expect(before).toBeLessThan(20);
  abort.abort(new Error('enough'));
  await expect(writing).rejects.toThrow('enough');
  expect(source.destroyed).toBe(true);
});

test('a writer that fails, refuses or takes too little is an error, and the source is let go', async () => {
  const long = (): Readable => Readable.from(Array.from({ length: 100 }, () => Buffer.alloc(50_000)));
  const failing = await testChroot({ writer: processWriter(['sh', '-c', 'exit 7']).writer });
  const source = long();
  await expect(failing.chroot.write('file', source)).rejects.toThrow('the writer ended with 7');
  expect(source.destroyed).toBe(true);
  const short = await testChroot({ writer: processWriter(['head', '-c', '1000']).writer });
  await expect(short.chroot.write('file', long())).rejects.toMatchObject({ code: 'ERR_FILE_INCOMPLETE', path: 'file' });
  const refused = new Error('it is paused');
  const refusing = await testChroot({ writer: () => Promise.reject(refused) });
  await expect(refusing.chroot.write('file', long())).rejects.toBe(refused);
});

test('a writer that dies while its source has nothing to give ends the write', async () => {
  const end = Promise.withResolvers<number>();
  const [readEnd, pipe] = makePipe();
  const { chroot } = await testChroot({ writer: async () => ({ pipe, done: end.promise }) });
  const silent = new Readable({ read() {} });
  silent.push(Buffer.alloc(100_000));
  const writing = chroot.write('file', silent);
  await expect.poll(async () => await chroot.exists('file')).toBe(true);
  const lost = new Error('the connection to init is gone');
  end.reject(lost);
  await expect(writing).rejects.toBe(lost);
  expect(silent.destroyed).toBe(true);
  closeFd(readEnd);
});

test('a source that fails half way ends the writer, and its error is thrown as it is', async () => {
  const { writer } = processWriter();
  const { chroot, root } = await testChroot({ writer });
  const failure = new Error('no more');
  const source = Readable.from(
    (async function* () {
      yield Buffer.alloc(300_000);
      throw failure;
    })(),
  );
  await expect(chroot.write('file', source)).rejects.toBe(failure);
  // Nothing of it is held but the root itself.
  await expect.poll(() => openFilesBelow(root).filter((path) => path !== root)).toEqual([]);
});

// Mutation: `await done` alone. In a sandbox anybody with its user may stop the writer.
test('inv-41: a write whose writer is stopped after the last byte rejects when it is aborted, and holds nothing', async () => {
  const { writer } = processWriter();
  const silent: FileWriter = async (target) => ({ ...(await writer(target)), done: new Promise(() => {}) });
  const { chroot, at } = await testChroot({ writer: silent });
  const abort = new AbortController();
  const writing = chroot.write('large', Buffer.alloc(100_000), { signal: abort.signal });
  await expect.poll(() => statSync(at('large'), { throwIfNoEntry: false })?.size).toBe(100_000);
  abort.abort(new Error('not wanted'));
  await expect(writing).rejects.toThrow('not wanted');
});
