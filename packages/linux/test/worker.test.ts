import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { closeFd, makePipe, watchReadable } from '../src/index.ts';
import { openDescriptors } from './open-descriptors.ts';

const script = new URL('worker-descriptors.ts', import.meta.url);

async function startWorker(kind: 'idle' | 'busy' | 'exit'): Promise<Worker> {
  const worker = new Worker(script, { workerData: kind });
  const [message] = await once(worker, 'message');
  expect(message).toBe('ready');
  return worker;
}

// Without the asynchronous cleanup hook of poll-handle.c the whole test process aborts here.
test.each(['idle', 'busy'] as const)(
  '50 terminations of %s workers with live channels, watches and pipes leave no descriptor',
  async (kind) => {
    await (await startWorker(kind)).terminate();
    const before = openDescriptors();
    for (let i = 0; i < 50; i++) await (await startWorker(kind)).terminate();
    expect(openDescriptors()).toEqual(before);
  },
  60_000,
);

test('a worker that ends by itself leaves no descriptor either', async () => {
  const before = openDescriptors();
  const worker = await startWorker('exit');
  const exited = once(worker, 'exit');
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has no origin
  worker.postMessage('end');
  expect(await exited).toEqual([0]);
  expect(openDescriptors()).toEqual(before);
});

test('the end of a worker leaves the descriptors of this thread alone', async () => {
  const [readEnd, writeEnd] = makePipe();
  const noticed = new Promise<void>((resolve) => watchReadable(readEnd, resolve));
  await (await startWorker('idle')).terminate();
  closeFd(writeEnd);
  await noticed;
  closeFd(readEnd);
});
