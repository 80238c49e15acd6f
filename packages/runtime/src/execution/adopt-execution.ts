import { closeFd, makePipe } from '@hatchery/linux';
import type { ExecutionMessage } from '@hatchery/zygote-ipc';
import { DurableRing } from '../output/durable-ring.ts';
import type { ExecutionParts } from './execution.ts';
import { decodeLabel, type ExecutionLabel } from './label.ts';
import { type OutputKeeping, openPipeStreams, openTerminalStreams } from './open-streams.ts';
import type { ExecutionPlace } from './start-execution.ts';
import type { ExecutionStreams } from './streams.ts';

/** An execution that an earlier runner started, and what that runner had promised of it. */
export interface AdoptedExecution {
  readonly parts: ExecutionParts;
  readonly deadlineMs: number | null;
  readonly killGraceMs: number;
}

/** Of a build that wrote no label: what its defaults were. */
function labelFor({ execution, label }: ExecutionMessage): ExecutionLabel {
  const unknown = { tag: undefined, deadlineMs: null, killGraceMs: 5000, lingerMs: 5000, oomKillsBefore: null };
  return decodeLabel(label) ?? { id: `execution-${execution}`, ...unknown };
}

/** The ring as it was left; null when there is none that can be read: then nothing of the output before is known. */
function openRing(fd: number | null): DurableRing | null {
  if (fd === null) return null;
  try {
    return DurableRing.open(fd);
  } catch {
    closeFd(fd);
    return null;
  }
}

/** A pipe that nobody writes to: of a stream that was released, or was never kept, there is nothing more to come. */
function endedPipe(): number {
  const [read, write] = makePipe();
  closeFd(write);
  return read;
}

/** Those that whoever failed has closed are not this thread's any more. */
function closeRest({ pidfd, terminal, stdoutKept, stderrKept, ring }: ExecutionMessage): void {
  for (const fd of [pidfd, terminal, stdoutKept, stderrKept, ring]) {
    try {
      if (fd !== null) closeFd(fd);
    } catch {
      // Closed before.
    }
  }
}

/** Descriptors of the message are the streams' from now on. */
function openStreams(message: ExecutionMessage, place: ExecutionPlace): ExecutionStreams {
  const { execution, terminal, stdoutKept, stderrKept } = message;
  const ring = openRing(message.ring);
  const keeping: OutputKeeping = {
    replayBytes: ring?.capacityBytes ?? place.replayBytes,
    isTerminal: terminal !== null,
    budget: place.budget,
    ring,
    isRestored: ring !== null,
    onFinished: (stream) => place.release(execution, { stdout: stream === 'stdout', stderr: stream === 'stderr' }),
  };
  if (terminal !== null) return openTerminalStreams(terminal, true, keeping);
  const unused = -1; // the writers' ends went with the exec
  return openPipeStreams(
    {
      stdin: null,
      stdout: [stdoutKept ?? endedPipe(), unused],
      stderr: [stderrKept ?? endedPipe(), unused],
    },
    keeping,
  );
}

/** Takes over what init kept of an execution: its pipes, what was taken out of them, its promises. */
export function adoptExecution(message: ExecutionMessage, place: ExecutionPlace): AdoptedExecution {
  const { id, tag, deadlineMs, killGraceMs, lingerMs, oomKillsBefore } = labelFor(message);
  const { pid, pidfd, execution } = message;
  let streams: ExecutionStreams;
  try {
    streams = openStreams(message, place);
  } catch (error) {
    closeRest(message);
    throw error;
  }
  const oomKilled = (): boolean => place.oomKills.take(oomKillsBefore);
  const tree = place.trees.find(execution);
  return { parts: { id, pid, pidfd, tag, streams, tree, oomKilled, lingerMs }, deadlineMs, killGraceMs };
}
