import { closeFd, duplicateFd } from '@hatchery/linux';
import { InputStream } from '../input/input-stream.ts';
import type { DurableRing, RingStream } from '../output/durable-ring.ts';
import { OutputLog } from '../output/output-log.ts';
import { OutputSource, type ReadRecord } from '../output/output-source.ts';
import type { ReplayBudget } from '../output/replay-budget.ts';
import type { Pipes } from './pipes.ts';
import { ExecutionStreams } from './streams.ts';

export interface OutputKeeping {
  readonly replayBytes: number;
  readonly isTerminal: boolean;
  readonly budget: ReplayBudget;
  /** null: not durable. Owned by the streams from the call on. */
  readonly ring: DurableRing | null;
  /** The ring holds what an earlier runner took. */
  readonly isRestored: boolean;
  /** Called for each stream whose descriptor is closed. */
  readonly onFinished: (stream: 'stdout' | 'stderr') => void;
}

function recordIn(ring: DurableRing | null, stream: RingStream): ReadRecord | null {
  if (ring === null) return null;
  return { beginRead: () => ring.beginRead(stream), commit: (bytes) => ring.commit(stream, bytes) };
}

function openSource(
  fd: number,
  stream: 'stdout' | 'stderr',
  keeping: OutputKeeping,
  onFinished: () => void,
): OutputSource {
  return new OutputSource(fd, {
    log: new OutputLog(keeping.isRestored ? keeping.ring?.restore(stream === 'stdout' ? 0 : 1) : undefined),
    replayBytes: keeping.replayBytes,
    record: recordIn(keeping.ring, stream === 'stdout' ? 0 : 1),
    isTerminal: keeping.isTerminal,
    budget: keeping.budget,
    onFinished: (isLetGo) => {
      if (!isLetGo) keeping.onFinished(stream);
      onFinished();
    },
  });
}

/** What happens when a stream is closed; it can be closed only once the streams are there. */
interface Closing {
  streams: ExecutionStreams | null;
}

function finished(closing: Closing, keeping: OutputKeeping): void {
  if (closing.streams?.finished === true) keeping.ring?.close();
  closing.streams?.sourceFinished();
}

/** Our ends of the pipes, which are the streams' from now on. Throws `LinuxError`, ends and ring are then closed. */
export function openPipeStreams(pipes: Pipes, keeping: OutputKeeping): ExecutionStreams {
  const closing: Closing = { streams: null };
  /** How each end is closed. */
  const ends = new Map<number, () => void>();
  const openOutput = (fd: number, stream: 'stdout' | 'stderr'): OutputSource => {
    const source = openSource(fd, stream, keeping, () => finished(closing, keeping));
    // Init is told nothing: what it keeps goes with the command, or stays for another runner.
    ends.set(fd, () => source.letGo());
    return source;
  };
  const openInput = (fd: number): InputStream => {
    const input = new InputStream(fd, { isTerminal: false });
    ends.set(fd, () => input.destroy());
    return input;
  };
  for (const fd of [pipes.stdin?.[1], pipes.stdout[0], pipes.stderr[0]])
    if (fd !== undefined) ends.set(fd, () => closeFd(fd));
  try {
    closing.streams = new ExecutionStreams({
      stdin: pipes.stdin === null ? null : openInput(pipes.stdin[1]),
      stdout: openOutput(pipes.stdout[0], 'stdout'),
      stderr: openOutput(pipes.stderr[0], 'stderr'),
      terminal: null,
    });
    return closing.streams;
  } catch (error) {
    for (const close of ends.values()) close();
    keeping.ring?.close();
    throw error;
  }
}

/** A terminal's master, which is the streams' from now on. Throws `LinuxError`, the master is then closed. */
export function openTerminalStreams(master: number, withStdin: boolean, keeping: OutputKeeping): ExecutionStreams {
  const closing: Closing = { streams: null };
  const opened = [master];
  const duplicate = (): number => {
    const copy = duplicateFd(master);
    opened.push(copy);
    return copy;
  };
  try {
    // Each watches a descriptor of its own: the event loop has one watch for each.
    const input = withStdin ? duplicate() : null;
    const output = duplicate();
    closing.streams = new ExecutionStreams({
      stdin: input === null ? null : new InputStream(input, { isTerminal: true }),
      stdout: openSource(output, 'stdout', keeping, () => finished(closing, keeping)),
      stderr: null,
      terminal: master,
    });
    return closing.streams;
  } catch (error) {
    for (const fd of opened) closeFd(fd);
    keeping.ring?.close();
    throw error;
  }
}
