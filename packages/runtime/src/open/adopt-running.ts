import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { closeFd, LinuxError, openPidfd, processStartTime, sendSignal } from '@hatchery/linux';
import { NetworkError } from '@hatchery/network';
import {
  ChannelClosedError,
  type ExecutionMessage,
  type ExitMessage,
  type InitConnection,
  RequestTimeoutError,
  ShimError,
  WireError,
} from '@hatchery/zygote-ipc';
import type { RuntimeContext } from '../context.ts';
import { type Deadline, renewRecord, type SandboxRecord } from '../instance/record.ts';
import { leasesOf } from '../instance/uid-ranges.ts';
import { inSection } from '../loop-delay/section.ts';
import { hasSockets, withNetnsOf } from '../network/netns-of-init.ts';
import { deadlineIn } from '../sandbox/expiry.ts';
import type { Lifecycle, LifecycleParts } from '../sandbox/lifecycle.ts';
import { addressOf, connectToInit } from '../sandbox/reconnect.ts';
import { LiveSandbox } from '../sandbox/sandbox.ts';

/** Init answers in microseconds; whoever takes so long hangs. */
const answerMs = 10_000;

/**
 * What init says right after its welcome waits here for the one who is to hear it; exits until open() has resolved, so
 * that its caller can still find the executions whose exits they are.
 */
class Inbox {
  readonly #executions: ExecutionMessage[] = [];
  readonly #exits: ExitMessage[] = [];
  #lifecycle: Lifecycle | null = null;
  #isClosed = false;
  #isHeld = true;

  onExecution(message: ExecutionMessage): void {
    this.#executions.push(message);
  }

  onExit(message: ExitMessage): void {
    if (this.#isHeld) this.#exits.push(message);
    else this.#lifecycle?.onExit(message);
  }

  onClosed(): void {
    this.#isClosed = true;
    this.#lifecycle?.onConnectionClosed();
  }

  /** One execution that cannot be taken over runs on; the others are. */
  handOver(lifecycle: Lifecycle, onError: (error: unknown) => void): void {
    this.#lifecycle = lifecycle;
    for (const message of this.#executions.splice(0)) {
      try {
        lifecycle.adopt(message);
      } catch (error) {
        onError(error);
      }
    }
    if (this.#isClosed) lifecycle.onConnectionClosed();
  }

  tellExits(): void {
    this.#isHeld = false;
    for (const message of this.#exits.splice(0)) this.#lifecycle?.onExit(message);
  }

  drop(): void {
    for (const { pidfd, terminal, stdoutKept, stderrKept, ring } of this.#executions.splice(0))
      for (const fd of [pidfd, terminal, stdoutKept, stderrKept, ring]) if (fd !== null) closeFd(fd);
  }
}

/** A pidfd of the very process that the record names; null: it has ended, and its pid is nobody's or somebody else's. */
function openInit({ init }: SandboxRecord): number | null {
  if (init === null) return null;
  let pidfd: number;
  try {
    pidfd = openPidfd(init.pid);
  } catch (error) {
    if (error instanceof LinuxError && error.code === 'ESRCH') return null;
    throw error;
  }
  // Behind the open: a process that this time is read of holds the pid that the pidfd was made from.
  if (processStartTime(init.pid) === BigInt(init.startTime)) return pidfd;
  closeFd(pidfd);
  return null;
}

/**
 * It is dead, does not answer, or was never started. Anything else, no free descriptor or that it answers to another, is no
 * reason to end a sandbox.
 */
function isDeaf(error: unknown): boolean {
  if (error instanceof ShimError)
    return error.errno !== constants.errno.ESTALE && error.errno !== constants.errno.EACCES;
  if (error instanceof ChannelClosedError) return !(error.cause instanceof WireError);
  if (error instanceof LinuxError) return error.code === 'ECONNREFUSED' || error.code === 'ENOENT';
  return error instanceof RequestTimeoutError;
}

/** What is open of a sandbox that is being adopted, until somebody owns it. */
interface Found {
  readonly pidfd: number;
  readonly inbox: Inbox;
  connection: InitConnection | null;
  root: number | null;
}

function closeAll({ pidfd, inbox, connection, root }: Found): void {
  connection?.close();
  inbox.drop();
  if (root !== null) closeFd(root);
  closeFd(pidfd);
}

/**
 * Connects to the init of a sandbox that runs or is paused. false: it is dead; or it did not answer, and is dead now.
 * Rejects when it could not be asked, or has refused; it runs on then. Under the lock of its id. One whose network rules cannot
 * be put in force is ended, too: nobody would know what it reaches.
 */
export async function adoptRunning(context: RuntimeContext, record: SandboxRecord): Promise<boolean> {
  const pidfd = openInit(record);
  if (pidfd === null) return false;
  const found: Found = { pidfd, inbox: new Inbox(), connection: null, root: null };
  try {
    const isFrozen = await ask(context, record, found);
    await adoptSlot(context, record, pidfd);
    inSection('adoption', () => introduce(context, record, found, isFrozen));
    return true;
  } catch (error) {
    const isUnruled = error instanceof SlotNotAdopted;
    const isOver = isUnruled || isDeaf(error);
    if (isOver) {
      const why = isUnruled ? 'its network rules could not be put in force' : 'an init did not answer';
      context.logger.warn({ err: error, sandboxId: record.id }, `${why}: its sandbox is ended`);
      sendSignal(pidfd, constants.signals.SIGKILL);
    }
    closeAll(found);
    if (isOver) return false;
    throw error;
  }
}

class SlotNotAdopted extends Error {}

/** Whether its init lives; it was not asked. */
export function isInitAlive(record: SandboxRecord): boolean {
  const pidfd = openInit(record);
  if (pidfd !== null) closeFd(pidfd);
  return pidfd !== null;
}

async function adoptSlot(
  { slots, logger }: RuntimeContext,
  { id, slot, spec, init }: SandboxRecord,
  pidfd: number,
): Promise<void> {
  if (slot === null || init === null) return;
  try {
    // A record with a slot and without rules would be nobody's: the slot reaches nothing then.
    const rules = spec.network ?? { allow: [], deny: [] };
    // A list of sockets is a walk through those of the whole machine, 1 ms and more: of many sandboxes nobody waits for it.
    if (!(await hasSockets(init.pid))) return await slots.adopt(id, slot, rules, null);
    await withNetnsOf({ pid: init.pid, pidfd }, (netns) => slots.adopt(id, slot, rules, netns));
  } catch (cause) {
    if (!(cause instanceof NetworkError && cause.step === 'cut connections'))
      throw new SlotNotAdopted(`slot ${slot.interfaceName}`, { cause });
    // The rules are in force, and refuse each packet of such a connection; its ends are not told.
    logger.warn({ err: cause, sandboxId: id }, 'connections that its rules refuse could not be told so');
  }
}

/** All that init has to say is in the inbox when this resolves, with whether its work is frozen. */
async function ask(context: RuntimeContext, record: SandboxRecord, found: Found): Promise<boolean> {
  const { inbox, pidfd } = found;
  const { connection, root, paused } = await connectToInit(addressOf(context.instance, record, pidfd), {
    sandboxId: record.id,
    onExecution: (message) => inbox.onExecution(message),
    onExit: (message) => inbox.onExit(message),
    onClosed: () => inbox.onClosed(),
  });
  found.connection = connection;
  found.root = root;
  await connection.ping({ timeoutMs: answerMs });
  const isFrozen = context.cgroups.sandbox(record.id).frozen();
  // A runner died between the two halves of a pause or a resume: the kernel's half decides.
  if (isFrozen && paused === false) await connection.pause({ timeoutMs: answerMs });
  if (!isFrozen && paused === true) await connection.resumeWork({ timeoutMs: answerMs });
  return isFrozen;
}

function introduce(context: RuntimeContext, before: SandboxRecord, found: Found, isFrozen: boolean): void {
  const { id, firstId, init } = before;
  const { pidfd, inbox, connection, root: rootFd } = found;
  const taken = leasesOf(context.instance.directory).find((lease) => lease.firstId === firstId);
  if (taken === undefined || init === null || connection === null || rootFd === null)
    throw new Error(`the lease of its ids from ${firstId} on is gone`);
  const record = { ...before, deadline: deadlineOf(before, isFrozen) };
  const workFd = context.cgroups.sandbox(id).openDirectory('work');
  try {
    // One of the build before this one is written anew as this one writes it.
    renewRecord(context.instance.directory, record);
  } catch (error) {
    closeSync(workFd);
    throw error;
  }
  const lease = context.ranges.lend(taken, id);
  const parts: LifecycleParts = { record, lease, connection, pid: init.pid, pidfd, rootFd, workFd };
  const sandbox = new LiveSandbox(context, { record, state: isFrozen ? 'paused' : 'running', parts });
  const onError = (err: unknown): void =>
    context.logger.error({ err, sandboxId: id }, 'an execution could not be taken over; it runs on');
  if (sandbox.lifecycle !== null) inbox.handOver(sandbox.lifecycle, onError);
  sandbox.goLive();
  context.onOpened(() => inbox.tellExits());
  context.tell('adopted', sandbox);
}

/** None while it is paused; one whose runner died right after a resume has its whole time again. */
function deadlineOf({ deadline, spec: { timeoutMs } }: SandboxRecord, isFrozen: boolean): Deadline | null {
  if (isFrozen) return null;
  return deadline ?? (timeoutMs === null ? null : deadlineIn(timeoutMs));
}
