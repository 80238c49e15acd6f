import { sleepingCall } from './sleeping-call.ts';

// read, poll and ppoll of x86-64, read and ppoll of arm64.
const reads: readonly string[] = ['0', '7', '271', '63', '73'];

/** Returns once a process sleeps in read(2) or poll(2), because nothing has come. Blocks this thread. */
export function untilReading(pid: number): void {
  let call = '';
  for (let look = 0; look < 1_000_000; look++) {
    call = sleepingCall(pid);
    if (reads.includes(call.split(' ')[0] ?? '')) return;
  }
  throw new Error(`process ${pid} never waits in read; at last it was in "${call}"`);
}
