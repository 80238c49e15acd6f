import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { SandboxCgroup } from '@hatchery/cgroup';
import { changeOwner, closeFd, makePipe, releaseFd } from '@hatchery/linux';
import { type ExecedMessage, type InitConnection, RequestTimeoutError } from '@hatchery/zygote-ipc';
import { AbortError } from '../errors.ts';
import type { Lease } from '../instance/uid-ranges.ts';
import { type CompiledExec, completeExec } from '../spec/exec-options.ts';
import { lookupUser, type SandboxUser } from '../users/passwd.ts';
import { type ArgumentBlock, packArguments } from './argument-block.ts';
import { execError } from './exec-error.ts';
import type { ExecutionParts } from './execution.ts';
import { watchOomKills } from './oom-kills.ts';
import { PipeOutput } from './pipe-output.ts';
import type { TreeCgroup } from './tree-cgroup.ts';
import type { TreeCgroups } from './tree-cgroups.ts';

/** A start that takes longer hangs in storage: init waits for its execve, and with it everything else in the sandbox. */
const execDeadlineMs = 5000;

/** Where a command is started. Descriptors stay the sandbox's. */
export interface ExecutionPlace {
  readonly sandboxId: string;
  readonly connection: InitConnection;
  readonly rootFd: number;
  readonly trees: TreeCgroups;
  readonly cgroup: SandboxCgroup;
  readonly lease: Lease;
  readonly noNewPrivileges: boolean;
  /** Kills the child in which init waits. */
  readonly killStalled: () => void;
}

interface Pipes {
  readonly stdin: readonly [number, number] | null;
  readonly stdout: readonly [number, number];
  readonly stderr: readonly [number, number];
}

/** The ends belong to the user the command runs as, so that it can reopen them (`> /dev/stdout`). */
function openPipes(withStdin: boolean, uid: number, gid: number): Pipes {
  const opened: number[] = [];
  const open = (): readonly [number, number] => {
    const pipe = makePipe();
    opened.push(...pipe);
    changeOwner(pipe[0], uid, gid);
    return pipe;
  };
  try {
    return { stdin: withStdin ? open() : null, stdout: open(), stderr: open() };
  } catch (error) {
    for (const fd of opened) closeFd(fd);
    throw error;
  }
}

function openStdin(fd: number): Writable {
  const stdin = new Socket({ fd: releaseFd(fd), readable: false, writable: true });
  // EPIPE, when the program no longer reads: each write's callback gets it; without a listener it would end the process.
  stdin.on('error', () => {});
  return stdin;
}

interface OurEnds {
  readonly stdin: Writable | null;
  readonly stdout: PipeOutput;
  readonly stderr: PipeOutput;
}

function openOurEnds(pipes: Pipes): OurEnds {
  const stdin = pipes.stdin === null ? null : openStdin(pipes.stdin[1]);
  return { stdin, stdout: new PipeOutput(pipes.stdout[0]), stderr: new PipeOutput(pipes.stderr[0]) };
}

/** Sends the request; the child's ends and the block are the kernel's then, and our descriptors of them are closed. */
function sendExec(
  place: ExecutionPlace,
  number: number,
  compiled: CompiledExec,
  user: SandboxUser,
  pipes: Pipes,
  tree: TreeCgroup | null,
): Promise<ExecedMessage> {
  const streams = { stdin: pipes.stdin?.[0] ?? null, stdout: pipes.stdout[1], stderr: pipes.stderr[1] };
  let block: ArgumentBlock | null = null;
  try {
    const { argv, env, cwd, searchPath } = completeExec(compiled, user);
    block = packArguments(argv, env);
    const { uid, gid, groups } = user;
    return place.connection.exec(
      {
        execution: number,
        cwd,
        searchPath,
        uid,
        gid,
        groups,
        noNewPrivileges: place.noNewPrivileges,
        ...block,
        ...streams,
        cgroup: tree?.directoryFd ?? null,
      },
      {
        timeoutMs: Math.min(execDeadlineMs, compiled.timeoutMs ?? execDeadlineMs),
        signal: compiled.signal ?? undefined,
      },
    );
  } finally {
    for (const fd of [...Object.values(streams), block?.blockFile]) if (fd !== undefined && fd !== null) closeFd(fd);
  }
}

/** Starts the command and resolves when its execve has succeeded. Nothing is left behind when it rejects. */
export async function startExecution(
  place: ExecutionPlace,
  number: number,
  compiled: CompiledExec,
): Promise<ExecutionParts> {
  const { lease } = place;
  const user = lookupUser(place.rootFd, compiled.user);
  const wantsTree = compiled.timeoutMs !== null || compiled.signal !== null;
  const tree = wantsTree ? place.trees.make(number) : null;
  let ours: OurEnds | null = null;
  try {
    const oomKilled = watchOomKills(place.cgroup);
    const pipes = openPipes(compiled.stdin === 'pipe', lease.firstId + user.uid, lease.firstId + user.gid);
    // Opening our ends takes as long as init needs for its part, so the one is done while the other is.
    let started: Promise<ExecedMessage>;
    try {
      started = sendExec(place, number, compiled, user, pipes, tree);
    } finally {
      ours = openOurEnds(pipes);
    }
    const { pid, pidfd } = await started;
    return { pid, pidfd, tag: compiled.tag, ...ours, tree, oomKilled };
  } catch (error) {
    for (const stream of [ours?.stdin, ours?.stdout, ours?.stderr]) stream?.destroy();
    if (error instanceof RequestTimeoutError) place.killStalled();
    // A late start must not live on unseen; only this execution was ever in that cgroup.
    tree?.signal('SIGKILL');
    if (tree !== null) place.trees.remove(tree);
    if (compiled.signal?.aborted) throw new AbortError('sandbox.exec()', compiled.signal);
    throw execError(place.sandboxId, compiled.command[0], error);
  }
}
