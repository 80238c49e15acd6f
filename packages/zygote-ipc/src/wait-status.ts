import { constants } from 'node:os';

const nameOfSignal: ReadonlyMap<number, NodeJS.Signals> = new Map(
  // Aliases (SIGIOT, SIGPOLL) come after the usual names in no guaranteed order; the first one listed wins.
  Object.entries(constants.signals)
    .toReversed()
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of constants.signals are NodeJS.Signals
    .map(([name, number]) => [number, name as NodeJS.Signals]),
);

/** A status as wait(2) gives it, taken apart (WIFEXITED, WEXITSTATUS, WTERMSIG). */
export function decodeWaitStatus(status: number): {
  /** Null when a signal ended it that has a name. */
  exitCode: number | null;
  /** Null when it exited, or the signal has no name in Node. */
  signal: NodeJS.Signals | null;
} {
  const signal = status & 0x7f;
  if (signal === 0) return { exitCode: (status >> 8) & 0xff, signal: null };
  const name = nameOfSignal.get(signal);
  // Real-time signals have no name in Node; 128 + n is what a shell says of them.
  return name === undefined ? { exitCode: 128 + signal, signal: null } : { exitCode: null, signal: name };
}
