import { randomUUID } from 'node:crypto';
import { constants } from 'node:os';
import { closeFd, sendSignal } from '@hatchery/linux';
import { type ExecedMessage, type ExecMessage, type InitConnection, RequestTimeoutError } from '@hatchery/zygote-ipc';
import { AbortError } from '../errors.ts';
import type { Lease } from '../instance/uid-ranges.ts';
import { monotonicMs } from '../monotonic.ts';
import { DurableRing } from '../output/durable-ring.ts';
import type { ReplayBudget } from '../output/replay-budget.ts';
import { type CompiledExec, completeExec } from '../spec/exec-options.ts';
import { lookupUser, type SandboxUser } from '../users/passwd.ts';
import { type ArgumentBlock, packArguments } from './argument-block.ts';
import { execError } from './exec-error.ts';
import type { ExecutionParts } from './execution.ts';
import { type ExecutionLabel, encodeLabel } from './label.ts';
import type { OomKills } from './oom-kills.ts';
import { type OutputKeeping, openPipeStreams, openTerminalStreams } from './open-streams.ts';
import { openPipes, type Pipes } from './pipes.ts';
import { requireRoom } from './require-room.ts';
import type { ExecutionStreams } from './streams.ts';
import type { TreeCgroup } from './tree-cgroup.ts';
import type { TreeCgroups } from './tree-cgroups.ts';

/** A start that takes longer hangs in storage: init waits for its execve, and with it everything else in the sandbox. */
const execDeadlineMs = 5000;
/** The kernel tells the age of a process in hundredths of a second. */
const stalledMs = execDeadlineMs - 500;
/** Its pidfd, the terminal, and a copy of that for each direction. */
const terminalDescriptors = 4;

/** Where a command is started. Descriptors stay the sandbox's. */
export interface ExecutionPlace {
  readonly sandboxId: string;
  readonly connection: InitConnection;
  readonly rootFd: number;
  readonly trees: TreeCgroups;
  readonly oomKills: OomKills;
  readonly lease: Lease;
  readonly noNewPrivileges: boolean;
  readonly replayBytes: number;
  readonly budget: ReplayBudget;
  /** Whether executions outlive this process unless they ask not to. */
  readonly durable: boolean;
  /** Tells init, on whichever connection there is by then, that nobody reads these any more. */
  readonly release: (execution: number, streams: { stdout: boolean; stderr: boolean }) => void;
  /** Kills the child in which init waits, if it has been waiting for as long as a start may take. */
  readonly killStalled: (leastMs: number) => void;
}

/** What is open while a command is being started. */
interface Start {
  readonly place: ExecutionPlace;
  readonly number: number;
  readonly label: ExecutionLabel;
  readonly compiled: CompiledExec;
  readonly user: SandboxUser;
  /** null: it gets a terminal. */
  readonly pipes: Pipes | null;
  readonly ring: DurableRing | null;
  readonly tree: TreeCgroup | null;
}

/** The child's ends of the pipes and what init keeps of a durable execution; ours stay. */
function descriptorsOf({
  pipes,
  ring,
}: Start): Pick<ExecMessage, 'stdin' | 'stdout' | 'stderr' | 'stdoutKept' | 'stderrKept'> {
  const isKept = ring !== null && pipes !== null;
  return {
    stdin: pipes?.stdin?.[0] ?? null,
    stdout: pipes?.stdout[1] ?? null,
    stderr: pipes?.stderr[1] ?? null,
    stdoutKept: isKept ? pipes.stdout[0] : null,
    stderrKept: isKept ? pipes.stderr[0] : null,
  };
}

/** Sends the request; the child's ends and the block are the kernel's then, and our descriptors of them are closed. */
function sendExec(start: Start): Promise<ExecedMessage> {
  const { place, number, label, compiled, user, ring, tree } = start;
  const descriptors = descriptorsOf(start);
  const { stdin, stdout, stderr } = descriptors;
  let block: ArgumentBlock | null = null;
  try {
    const { argv, env, cwd, searchPath } = completeExec(compiled, user);
    block = packArguments(argv, env);
    const { uid, gid, groups } = user;
    const identity = { uid, gid, groups, noNewPrivileges: place.noNewPrivileges };
    const { columns, rows } = compiled.tty ?? { columns: 0, rows: 0 };
    const terminal = { terminal: compiled.tty !== null, columns, rows };
    const kept = { durable: ring !== null, ring: ring?.fd ?? null, label: encodeLabel(label) };
    const cgroup = tree?.directoryFd ?? null;
    return place.connection.exec(
      { execution: number, cwd, searchPath, ...identity, ...terminal, ...block, ...descriptors, ...kept, cgroup },
      {
        timeoutMs: Math.min(execDeadlineMs, compiled.timeoutMs ?? execDeadlineMs),
        signal: compiled.signal ?? undefined,
      },
    );
  } finally {
    for (const fd of [stdin, stdout, stderr, block?.blockFile]) if (fd !== undefined && fd !== null) closeFd(fd);
  }
}

function keepingOf({ place, number, compiled, ring }: Start): OutputKeeping {
  return {
    replayBytes: compiled.replayBytes ?? place.replayBytes,
    isTerminal: compiled.tty !== null,
    budget: place.budget,
    ring,
    isRestored: false,
    // What init keeps goes with ours, so that a writer that nobody reads any more gets SIGPIPE.
    onFinished: (stream) => {
      if (ring !== null) place.release(number, { stdout: stream === 'stdout', stderr: stream === 'stderr' });
    },
  };
}

interface Started extends ExecedMessage {
  readonly streams: ExecutionStreams;
}

async function startOnPipes(start: Start, pipes: Pipes): Promise<Started> {
  let sent: Promise<ExecedMessage> | null = null;
  let streams: ExecutionStreams | null = null;
  try {
    try {
      sent = sendExec(start);
    } finally {
      // Opening our ends takes as long as init needs for its part, so the one is done while the other is.
      streams = openPipeStreams(pipes, keepingOf(start));
    }
    return { ...(await sent), streams };
  } catch (error) {
    streams?.finish();
    streams?.stdin?.destroy();
    // Started, but our ends could not be opened: it runs, and nobody would ever know.
    if (streams === null) sent?.then(endUnknown, () => {});
    throw error;
  }
}

function endUnknown({ pidfd }: ExecedMessage): void {
  sendSignal(pidfd, constants.signals.SIGKILL);
  closeFd(pidfd);
}

async function startOnTerminal(start: Start): Promise<Started> {
  let execed: ExecedMessage;
  try {
    requireRoom(start.place.rootFd, terminalDescriptors);
    execed = await sendExec(start);
  } catch (error) {
    start.ring?.close();
    throw error;
  }
  const { terminal } = execed;
  try {
    if (terminal === null) throw new Error('init told no terminal');
    return { ...execed, streams: openTerminalStreams(terminal, start.compiled.stdin === 'pipe', keepingOf(start)) };
  } catch (error) {
    endUnknown(execed);
    throw error;
  }
}

/** Opens what the start needs; whatever fails, nothing stays open. */
function prepare(place: ExecutionPlace, number: number, label: ExecutionLabel, compiled: CompiledExec): Start {
  const { lease } = place;
  const user = lookupUser(place.rootFd, compiled.user);
  const wantsTree = compiled.timeoutMs !== null || compiled.signal !== null;
  const tree = wantsTree ? place.trees.make(number) : null;
  let ring: DurableRing | null = null;
  try {
    if (compiled.durable ?? place.durable) ring = DurableRing.create(compiled.replayBytes ?? place.replayBytes);
    const ids = [lease.firstId + user.uid, lease.firstId + user.gid] as const;
    const pipes = compiled.tty === null ? openPipes(compiled.stdin === 'pipe', ...ids) : null;
    return { place, number, label, compiled, user, pipes, ring, tree };
  } catch (error) {
    ring?.close();
    if (tree !== null) place.trees.remove(tree);
    throw execError(place.sandboxId, compiled.command[0], error);
  }
}

/** With a short timeout of the caller's, or behind other starts, the child that init waits for may be another's and fine. */
function endStalled(place: ExecutionPlace): void {
  place.killStalled(stalledMs);
  setTimeout(() => place.killStalled(stalledMs), execDeadlineMs).unref();
}

function newLabel(compiled: CompiledExec, oomKillsBefore: number | null): ExecutionLabel {
  const { tag, timeoutMs, killGraceMs, lingerMs } = compiled;
  const deadlineMs = timeoutMs === null ? null : Math.ceil(monotonicMs() + timeoutMs);
  return { id: randomUUID(), tag, deadlineMs, killGraceMs, lingerMs, oomKillsBefore };
}

/** Starts the command and resolves when its execve has succeeded. Nothing is left behind when it rejects. */
async function tryToStart(place: ExecutionPlace, number: number, compiled: CompiledExec): Promise<ExecutionParts> {
  const before = place.oomKills.count();
  const label = newLabel(compiled, before);
  const start = prepare(place, number, label, compiled);
  const { pipes, tree } = start;
  try {
    const { pid, pidfd, streams } = await (pipes === null ? startOnTerminal(start) : startOnPipes(start, pipes));
    const oomKilled = (): boolean => place.oomKills.take(before);
    return { id: label.id, pid, pidfd, tag: compiled.tag, streams, tree, oomKilled, lingerMs: compiled.lingerMs };
  } catch (error) {
    if (error instanceof RequestTimeoutError) endStalled(place);
    // A late start must not live on unseen; only this execution was ever in that cgroup.
    tree?.signal('SIGKILL');
    if (tree !== null) place.trees.remove(tree);
    if (compiled.signal?.aborted) throw new AbortError('sandbox.exec()', compiled.signal);
    throw execError(place.sandboxId, compiled.command[0], error);
  }
}

/** Starts a command; resolves when its execve has succeeded. Rejects with HatcheryError, and then nothing is left behind. */
export async function startExecution(
  place: ExecutionPlace,
  number: number,
  compiled: CompiledExec,
): Promise<ExecutionParts> {
  try {
    return await tryToStart(place, number, compiled);
  } catch (error) {
    throw execError(place.sandboxId, compiled.command[0], error);
  }
}
