import { sleepingCall } from './sleeping-call.ts';

// epoll_wait and epoll_pwait of x86-64, epoll_pwait of arm64.
const waits: readonly string[] = ['232', '281', '22'];

/**
 * Returns once a zygote or an init sleeps until the next event: in epoll_wait, whose fourth argument is -1. A message that
 * was sent to it before has been handled by then, since sending wakes it at once. Blocks this thread, so nothing that the
 * process says is read meanwhile.
 */
export function untilIdle(pid: number): void {
  let call = '';
  for (let look = 0; look < 1_000_000; look++) {
    call = sleepingCall(pid);
    const [number = '', , , , timeout = '0'] = call.split(' ');
    if (waits.includes(number) && BigInt.asIntN(32, BigInt(timeout)) === -1n) return;
  }
  throw new Error(`process ${pid} never waits without a timeout; at last it was in "${call}"`);
}
