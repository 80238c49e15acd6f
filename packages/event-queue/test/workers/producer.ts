import { createHash, randomFillSync } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { attachSharedSender, type SharedSenderData } from '@hatchery/event-queue';

interface Order {
  readonly sender: SharedSenderData;
  readonly count: number;
  readonly largest: number;
  /** Reports each committed message in `progress`, for a test that ends this thread. */
  readonly progress?: Int32Array;
}

// Sends `count` messages of random sizes and bytes, each beginning with its number, then tells their digest and closes.
const { sender: data, count, largest, progress } = workerData as Order;
const sender = attachSharedSender(data);
const hash = createHash('sha256');
const source = randomFillSync(new Uint8Array(largest + 256));
for (let index = 0; index < count; index += 1) {
  const start = index & 255;
  const message = Buffer.from(source.subarray(start, start + 4 + ((index * 7919) % (largest - 3))));
  message.writeUInt32LE(index);
  hash.update(message);
  if (!sender.trySend(message)) await sender.send(message);
  if (progress !== undefined) Atomics.store(progress, 0, index + 1);
}
parentPort?.postMessage(hash.digest('hex'));
sender.close();
