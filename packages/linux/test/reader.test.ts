import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { expect, test } from 'vitest';
import { closeFd, makePipe, Reader, registeredFds } from '../src/index.ts';
import { openDescriptors } from './open-descriptors.ts';

/** Reads until the end of the file, `size` bytes at a time. */
function readAll(fd: number, size: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const buffer = Buffer.alloc(size);
    const reader = new Reader(fd, () => {
      const length = reader.read(buffer);
      if (length === null) return;
      chunks.push(Buffer.from(buffer.subarray(0, length)));
      if (length > 0) return;
      reader.close();
      resolve(Buffer.concat(chunks));
    });
    reader.start();
  });
}

// Mutation: read() asks for one byte less than the buffer holds and reports the buffer's length.
test('a reader brings every byte in order, and the end', async () => {
  const before = openDescriptors();
  const [readEnd, writeEnd] = makePipe();
  const written = Buffer.from(Uint8Array.from({ length: 40_000 }, (_, index) => index % 251));
  const all = readAll(readEnd, 1000);
  writeSync(writeEnd, written);
  closeFd(writeEnd);
  expect(Buffer.compare(await all, written)).toBe(0);
  expect(openDescriptors()).toEqual(before);
});

// Mutation: setFlowing(false) does nothing.
test('a reader that is stopped is not called, and loses nothing', async () => {
  const [readEnd, writeEnd] = makePipe();
  let calls = 0;
  const readable = Promise.withResolvers<void>();
  using reader = new Reader(readEnd, () => {
    calls++;
    reader.stop();
    readable.resolve();
  });
  expect(reader.read(Buffer.alloc(10))).toBeNull();
  writeSync(writeEnd, 'abc');
  await new Promise((resolve) => setImmediate(resolve));
  expect(calls).toBe(0);
  expect(reader.pending).toBe(3);
  reader.start();
  await readable.promise;
  await new Promise((resolve) => setImmediate(resolve));
  expect(calls).toBe(1);
  const buffer = Buffer.alloc(10);
  expect(reader.read(buffer)).toBe(3);
  expect(buffer.toString('latin1', 0, 3)).toBe('abc');
  closeFd(writeEnd);
  expect(reader.read(buffer)).toBe(0);
});

test('a reader takes its descriptor over, and refuses one that this thread does not own', () => {
  const [readEnd, writeEnd] = makePipe();
  const reader = new Reader(readEnd, () => {});
  expect(registeredFds()).not.toContain(readEnd);
  expect(() => new Reader(readEnd, () => {})).toThrow(expect.objectContaining({ code: 'EBADF' }));
  reader.close();
  reader.close();
  expect(reader.pending).toBe(0);
  expect(() => reader.read(Buffer.alloc(1))).toThrow(expect.objectContaining({ code: 'EBADF' }));
  closeFd(writeEnd);
});

// Mutation: reader_widen returns without the call.
test('a widened pipe takes more than 64 KiB before its writer waits', () => {
  const [readEnd, writeEnd] = makePipe();
  using reader = new Reader(readEnd, () => {});
  expect(reader.widen(262_144)).toBe(true);
  expect(writeSync(writeEnd, Buffer.alloc(200_000))).toBe(200_000);
  expect(reader.pending).toBe(200_000);
  closeFd(writeEnd);
});

test('a started reader keeps the program alive, a stopped one does not', async () => {
  const program = (start: string): string => `
    import { makePipe, Reader } from '${new URL('../src/index.ts', import.meta.url).href}';
    const [readEnd] = makePipe();
    const reader = new Reader(readEnd, () => {});
    ${start}
    process.stdout.write('ready');`;
  const run = (start: string) =>
    spawn(process.execPath, ['--conditions=@hatchery/source', '--input-type=module', '-e', program(start)]);
  const stopped = run('');
  expect(await once(stopped, 'exit')).toEqual([0, null]);
  const started = run('reader.start();');
  await once(started.stdout, 'data');
  expect(started.exitCode).toBeNull();
  started.kill();
  expect(await once(started, 'exit')).toEqual([null, 'SIGTERM']);
});
