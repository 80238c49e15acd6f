// usage: node test/teardown/run-addon.ts DIRECTORY WAIT_MS
// The addon's teardown as a process of its own, fed with the head of the record in the directory. One line of JSON.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { endSandbox, releaseSandbox, TeardownError } from '@hatchery/linux';

const [directory = '', wait = '0'] = isMainThread ? process.argv.slice(2) : (workerData as string[]);
if (isMainThread) {
  // In a worker, as runners call it.
  const worker = new Worker(new URL(import.meta.url), { workerData: [directory, wait] });
  worker.on('error', (error) => {
    throw error;
  });
} else {
  const waitMs = Number(wait);
  let ended = null;
  let failed = null;
  try {
    const head = `${readFileSync(join(directory, 'record'), 'utf8').split('\n\n')[0]}\n`;
    ended = endSandbox(directory, head, { waitMs });
    releaseSandbox(directory, head, { waitMs, rootFd: null });
  } catch (error) {
    if (!(error instanceof TeardownError)) throw error;
    failed = { step: error.step, text: error.message };
  }
  console.log(JSON.stringify({ ended, failed }));
}
