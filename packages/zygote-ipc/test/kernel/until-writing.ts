import { sleepingCall } from './sleeping-call.ts';

// write of x86-64, of arm64.
const writes: readonly string[] = ['1', '64'];

/** Returns once a process sleeps in write(2), because nobody reads what it writes. Blocks this thread. */
export function untilWriting(pid: number): void {
  let call = '';
  for (let look = 0; look < 1_000_000; look++) {
    call = sleepingCall(pid);
    if (writes.includes(call.split(' ')[0] ?? '')) return;
  }
  throw new Error(`process ${pid} never waits in write; at last it was in "${call}"`);
}
