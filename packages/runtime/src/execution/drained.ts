import type { PipeOutput } from './pipe-output.ts';

/** How often a stream that does not move is looked at, and for how long. */
const checkMs = 20;
const stalledMs = 2000;

/**
 * Resolves when everything that was in the pipe at this moment has been taken out: the process has exited, so all it
 * wrote itself is there. Its exit can overtake these bytes (3 % of short commands). End of file would be the wrong thing
 * to wait for: a grandchild may hold the pipe. Also resolves when the pipe is found empty (a program can open its own
 * stdout and steal bytes) and when nobody has taken anything for two seconds: the rest stays readable.
 */
export function drained(output: PipeOutput): Promise<void> {
  const target = output.received + output.pending;
  const isDone = (): boolean => output.finished || output.received >= target;
  if (isDone()) return Promise.resolve();
  return new Promise((resolve) => {
    let last = output.received;
    let checksLeft = stalledMs / checkMs;
    const stop = (): void => {
      clearInterval(timer);
      output.onProgress = null;
      resolve();
    };
    const timer = setInterval(() => {
      if (output.received !== last) checksLeft = stalledMs / checkMs;
      last = output.received;
      if (output.pending === 0 || --checksLeft <= 0) stop();
    }, checkMs);
    output.onProgress = () => {
      if (isDone()) stop();
    };
  });
}
