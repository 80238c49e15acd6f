import { parentPort, workerData } from 'node:worker_threads';
import { attachSharedSender } from '@hatchery/event-queue';

// Fills the channel, says so, and tells what becomes of the send that waits.
const sender = attachSharedSender(workerData);
while (sender.trySend(new Uint8Array(100)));
const waiting = sender.send(new Uint8Array(100));
parentPort?.postMessage('full');
try {
  await waiting;
  parentPort?.postMessage('sent');
} catch (error) {
  parentPort?.postMessage((error as { code: string }).code);
}
