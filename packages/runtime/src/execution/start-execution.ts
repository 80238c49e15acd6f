import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { SandboxCgroup } from '@hatchery/cgroup';
import { changeOwner, closeFd, makePipe, releaseFd } from '@hatchery/linux';
import { type InitConnection, RequestTimeoutError } from '@hatchery/zygote-ipc';
import { AbortError } from '../errors.ts';
import type { Lease } from '../instance/uid-ranges.ts';
import { type CompiledExec, completeExec } from '../spec/exec-options.ts';
import { lookupUser } from '../users/passwd.ts';
import { packArguments } from './argument-block.ts';
import { execError } from './exec-error.ts';
import type { ExecutionParts } from './execution.ts';
import { watchOomKills } from './oom-kills.ts';
import { PipeOutput } from './pipe-output.ts';
import { TreeCgroup } from './tree-cgroup.ts';

/** A start that takes longer hangs in storage: init waits for its execve, and with it everything else in the sandbox. */
export const execDeadlineMs = 30_000;

/** Where a command is started. Descriptors stay the sandbox's. */
export interface ExecutionPlace {
  readonly sandboxId: string;
  readonly connection: InitConnection;
  readonly rootFd: number;
  readonly workFd: number;
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

/** Starts the command and resolves when its execve has succeeded. Nothing is left behind when it rejects. */
export async function startExecution(place: ExecutionPlace, number: number, compiled: CompiledExec): Promise<ExecutionParts> {
  const { lease } = place;
  const user = lookupUser(place.rootFd, compiled.user);
  const { argv, env, cwd, searchPath } = completeExec(compiled, user);
  const wantsTree = compiled.timeoutMs !== null || compiled.signal !== null;
  const tree = wantsTree ? new TreeCgroup(place.workFd, `x${number}`, lease.firstId) : null;
  let pipes: Pipes | null = null;
  let block: ReturnType<typeof packArguments> | null = null;
  try {
    pipes = openPipes(compiled.stdin === 'pipe', lease.firstId + user.uid, lease.firstId + user.gid);
    block = packArguments(argv, env);
    const { uid, gid, groups } = user;
    const oomKilled = watchOomKills(place.cgroup);
    const streams = { stdin: pipes.stdin?.[0] ?? null, stdout: pipes.stdout[1], stderr: pipes.stderr[1] };
    const { pid, pidfd } = await place.connection.exec(
      { execution: number, cwd, searchPath, uid, gid, groups, noNewPrivileges: place.noNewPrivileges, ...block, ...streams, cgroup: tree?.directoryFd ?? null },
      { timeoutMs: execDeadlineMs, signal: compiled.signal ?? undefined },
    );
    const stdin = pipes.stdin === null ? null : openStdin(pipes.stdin[1]);
    return { pid, pidfd, tag: compiled.tag, stdin, stdout: new PipeOutput(pipes.stdout[0]), stderr: new PipeOutput(pipes.stderr[0]), tree, oomKilled };
  } catch (error) {
    for (const fd of [pipes?.stdin?.[1], pipes?.stdout[0], pipes?.stderr[0]]) if (fd !== undefined) closeFd(fd);
    if (error instanceof RequestTimeoutError) place.killStalled();
    // A late start must not live on unseen; only this execution was ever in that cgroup.
    tree?.signal('SIGKILL');
    tree?.remove();
    if (compiled.signal?.aborted) throw new AbortError('sandbox.exec()', compiled.signal);
    throw execError(place.sandboxId, compiled.command[0], error);
  } finally {
    for (const fd of [pipes?.stdin?.[0], pipes?.stdout[1], pipes?.stderr[1], block?.blockFile]) if (fd !== undefined && fd !== null) closeFd(fd);
  }
}
