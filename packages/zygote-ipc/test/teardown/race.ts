// A worker that tears down the same sandboxes as others, each at the same moment as they do.
import { parentPort, workerData } from 'node:worker_threads';
import { endSandbox, releaseSandbox } from '@hatchery/linux';

interface Race {
  readonly remains: readonly { readonly directory: string; readonly head: string }[];
  readonly runners: number;
  /** How many have come to each start. */
  readonly arrived: Int32Array;
}

const { remains, runners, arrived } = workerData as Race;
const failures: string[] = [];
for (const [start, { directory, head }] of remains.entries()) {
  Atomics.add(arrived, start, 1);
  while (Atomics.load(arrived, start) < runners);
  try {
    endSandbox(directory, head, { waitMs: 10_000 });
    releaseSandbox(directory, head, { waitMs: 10_000, rootFd: null });
  } catch (error) {
    failures.push(String(error));
  }
}
parentPort?.postMessage(failures);
