// Run as a worker: exchanges two entries of a directory again and again, until it has done so `swaps` times.
import { parentPort, workerData } from 'node:worker_threads';
import { currentDirectory, OpenFlag, openat2, renameEntry } from '@hatchery/linux';

const { directory, swaps } = workerData as { readonly directory: string; readonly swaps: number };
const fd = openat2(currentDirectory, directory, { flags: OpenFlag.O_PATH });
for (let count = 0; count < swaps; count++) renameEntry(fd, 'a', fd, 'b', { exchange: true });
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has no origin
parentPort?.postMessage('done');
