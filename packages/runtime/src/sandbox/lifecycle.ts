import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import type { SandboxCgroup } from '@hatchery/cgroup';
import { closeFd, sendSignal } from '@hatchery/linux';
import { type ExecutionMessage, type ExitMessage, InitConnection, type ShimError } from '@hatchery/zygote-ipc';
import { Connections } from '../connections/connections.ts';
import type { RuntimeContext } from '../context.ts';
import { HatcheryError, RuntimeClosedError, throwIfAborted } from '../errors.ts';
import { adoptExecution } from '../execution/adopt-execution.ts';
import { enforceDeadline } from '../execution/deadline.ts';
import { LiveExecution } from '../execution/execution.ts';
import { killStalledChild } from '../execution/kill-stalled.ts';
import { OomKills } from '../execution/oom-kills.ts';
import { type ExecutionPlace, startExecution } from '../execution/start-execution.ts';
import { TreeCgroups } from '../execution/tree-cgroups.ts';
import { InFlight } from '../in-flight.ts';
import type { LentLease } from '../instance/range-pool.ts';
import type { SandboxRecord } from '../instance/record.ts';
import { inSection } from '../loop-delay/section.ts';
import { monotonicMs } from '../monotonic.ts';
import type { CompiledExec } from '../spec/exec-options.ts';
import { Executions } from './executions.ts';
import { addressOf, isTakenOver, reconnect } from './reconnect.ts';

/** What a create, a start or an adoption hands over; descriptors are the lifecycle's from then on. */
export interface LifecycleParts {
  readonly record: SandboxRecord;
  readonly lease: LentLease;
  readonly connection: InitConnection;
  /** Init as the host sees it. */
  readonly pid: number;
  readonly pidfd: number;
  readonly rootFd: number;
  /** Directory of the cgroup that executions are born in. */
  readonly workFd: number;
}

/** The sandbox that a lifecycle is a run of. */
export interface LifecycleOwner {
  /** Throws ERR_SANDBOX_STATE unless executions may be started. */
  requireRunning(what: string): void;
  /** Its end has begun: a connection that breaks now is not mended. */
  readonly isEnding: boolean;
  /** Fires when it does. */
  readonly ending: AbortSignal;
  /** Init is dead, says the kernel, and nobody had asked for it. */
  onLost(lifecycle: Lifecycle): void;
  /** Init answers to a runner that opened the instance later. */
  onTakenOver(lifecycle: Lifecycle, cause: ShimError): void;
}

/** How executions end whose own exit nobody was told. */
export type EndReason = 'destroyed' | 'lost' | 'forced-close';

/** One being started, one on its way to init, and their answers on their way back. */
const startsInFlight = 4;
/** An opening's numbers begin here times its epoch: none is used twice by two runners of one sandbox. */
const numbersPerEpoch = 2 ** 32;

/** One run of a sandbox, from its start to its end: the connection to its init, and its executions. */
export class Lifecycle {
  readonly record: SandboxRecord;
  readonly parts: LifecycleParts;
  readonly cgroup: SandboxCgroup;
  readonly oomKills: OomKills;
  readonly connections: Connections;
  readonly #context: RuntimeContext;
  readonly #owner: LifecycleOwner;
  /** Init starts one after the other: what waits for its turn there would use up its deadline. */
  readonly #starts = new InFlight(startsInFlight);
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #trees: TreeCgroups;
  readonly #executions: Executions;
  readonly #disconnected = Promise.withResolvers<void>();
  readonly #lettingGo = new AbortController();
  #connection: InitConnection;
  #reconnecting: Promise<void> | null = null;

  constructor(context: RuntimeContext, parts: LifecycleParts, owner: LifecycleOwner) {
    this.#context = context;
    this.#owner = owner;
    this.parts = parts;
    this.record = parts.record;
    this.cgroup = context.cgroups.sandbox(parts.record.id);
    this.oomKills = new OomKills(this.cgroup);
    this.connections = new Connections(parts.pidfd, owner.ending, parts.record.slot?.address ?? null);
    this.#trees = new TreeCgroups(parts.workFd, parts.lease.firstId);
    const first = Number(context.instance.epoch % 2n ** 20n) * numbersPerEpoch;
    this.#executions = new Executions(context.options.exitRetentionMs, first);
    this.#connection = parts.connection;
  }

  get connection(): InitConnection {
    return this.#connection;
  }

  /** The connection once it is mended, where it is broken. */
  async mended(): Promise<InitConnection> {
    if (this.#reconnecting !== null) await this.#reconnecting;
    return this.#connection;
  }

  executions(): LiveExecution[] {
    return this.#executions.running();
  }

  execution(id: string): LiveExecution | undefined {
    return this.#executions.find(id);
  }

  /** Starts a command; resolves once execve has succeeded. */
  async exec(compiled: CompiledExec): Promise<LiveExecution> {
    throwIfAborted(compiled.signal, 'sandbox.exec()');
    if (this.#reconnecting !== null) await this.#reconnecting;
    this.#owner.requireRunning('exec');
    const number = this.#executions.begin();
    const work = this.#start(number, compiled);
    this.#underWay.add(work);
    try {
      return await work;
    } catch (error) {
      this.#executions.giveUp(number);
      throw await this.#execError(error);
    } finally {
      this.#underWay.delete(work);
    }
  }

  /** Resolves when no command is being started. */
  async startsSettled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  onExit(exit: ExitMessage): void {
    inSection('messages of init', () => {
      // One that nobody here knows was given up, or its exit is settled already and was told again on a new connection.
      if (!this.#executions.told(exit)) this.#connection.acknowledge(exit.execution);
    });
  }

  /** The connection to init broke: that is no exit yet. What runs goes on while a new one is made. */
  onConnectionClosed(): void {
    if (this.#owner.isEnding || this.#isLetGo) this.#disconnected.resolve();
    // Never rejects. One at a time: a connection breaks once.
    else this.#reconnecting = this.#reconnect();
  }

  /** Takes over an execution of an earlier runner; descriptors of the message are the execution's then. */
  adopt(message: ExecutionMessage): void {
    const { parts, deadlineMs, killGraceMs } = adoptExecution(message, this.#place());
    const execution = this.#introduce(message.execution, parts);
    // One that has exited did so in time, whatever the time is now.
    const atMs = parts.pidfd === null ? null : deadlineMs;
    enforceDeadline(execution, { atMs, killGraceMs, signal: null });
    this.#executions.began(message.execution);
    this.#executions.started(message.execution, execution);
  }

  /** Every process is gone, and with it the other end of each pipe: exits are settled, descriptors closed. */
  async settle(reason: EndReason): Promise<void> {
    // Exits that init had told before it was killed are still in the socket; its end comes after them.
    await this.#disconnected.promise;
    for (const execution of this.#executions.all()) this.#endOf(execution, reason);
    this.#connection.close();
    this.#trees.close();
    closeSync(this.parts.workFd);
  }

  /** For when it cannot be removed and the runtime ends all the same: whoever waits is told. */
  abandon(reason: EndReason): void {
    for (const execution of this.#executions.all()) this.#endOf(execution, reason);
    this.#connection.close();
    this.#disconnected.resolve();
  }

  /** It runs on without this runtime: whoever waits here is told so, and nothing of it is ended. */
  letGo(error: Error): void {
    this.#lettingGo.abort(error);
    this.connections.end(error);
    // First: init keeps what was not released, and must not be told of streams that close only here.
    this.#connection.close();
    for (const execution of this.#executions.all()) execution.letGo(error);
    this.#executions.forget();
    for (const fd of [this.parts.pidfd, this.parts.rootFd]) closeFd(fd);
    this.#trees.close();
    closeSync(this.parts.workFd);
  }

  /** Nobody can look its executions up any more. */
  forget(): void {
    this.#executions.forget();
  }

  /** It ended while this was being started, and whoever ended it did not see it. */
  endLate(execution: LiveExecution, reason: EndReason): void {
    this.#endOf(execution, reason);
  }

  get #isLetGo(): boolean {
    return this.#lettingGo.signal.aborted;
  }

  async #start(number: number, compiled: CompiledExec): Promise<LiveExecution> {
    const deadline = compiled.timeoutMs === null ? null : monotonicMs() + compiled.timeoutMs;
    const parts = await this.#starts.run(() => {
      throwIfAborted(compiled.signal, 'sandbox.exec()');
      // It may have ended while this waited for its turn, and its descriptors' numbers be others' by now.
      this.#owner.requireRunning('exec');
      this.#context.requireOpen('sandbox.exec()');
      return startExecution(this.#place(), number, compiled);
    });
    const execution = this.#introduce(number, parts);
    const { killGraceMs, signal } = compiled;
    enforceDeadline(execution, { atMs: deadline, killGraceMs, signal });
    this.#executions.started(number, execution);
    return execution;
  }

  #introduce(number: number, parts: ConstructorParameters<typeof LiveExecution>[0]): LiveExecution {
    const execution: LiveExecution = new LiveExecution(parts, {
      work: this.#context.work,
      onEnded: () => {
        if (parts.tree !== null) this.#trees.remove(parts.tree);
      },
      onPublished: () => {
        this.#executions.ended(number, execution);
        // Not before: until then a successor of this process has to be told.
        this.#connection.acknowledge(number);
      },
    });
    parts.streams.onFinished(() => this.#executions.closed(execution));
    return execution;
  }

  async #execError(error: unknown): Promise<unknown> {
    if (this.#context.closing) return new RuntimeClosedError('sandbox.exec()', { cause: error });
    if (this.#reconnecting !== null) await this.#reconnecting;
    const isMended = error instanceof HatcheryError && error.code === 'ERR_SANDBOX_LOST' && !this.#owner.isEnding;
    if (!isMended) return error;
    return new HatcheryError(
      'ERR_EXEC_FAILED',
      `exec in sandbox ${this.record.id}: the connection to its init broke meanwhile and is mended; what may have been started is ended; try again`,
      { cause: error },
    );
  }

  #place(): ExecutionPlace {
    const { rootFd, lease, pid, record } = this.parts;
    const { instance, options, replay } = this.#context;
    return {
      sandboxId: record.id,
      connection: this.#connection,
      rootFd,
      trees: this.#trees,
      oomKills: this.oomKills,
      lease,
      noNewPrivileges: record.spec.noNewPrivileges,
      replayBytes: options.replayBytes,
      budget: replay,
      durable: !instance.isPrivate,
      release: (execution, streams) => this.#connection.release(execution, streams),
      killStalled: (leastMs) => {
        if (!this.#owner.isEnding) killStalledChild(pid, this.cgroup.pids(), leastMs);
      },
    };
  }

  /** What init still has, on a new connection. What nobody here knows was being started when the old one broke. */
  #onExecution({ execution, pidfd, terminal, stdoutKept, stderrKept, ring }: ExecutionMessage): void {
    const known = this.#executions.get(execution);
    if (pidfd !== null && known === undefined) sendSignal(pidfd, constants.signals.SIGKILL);
    // What was let go while there was no connection, or on the one that broke.
    if (known !== undefined && known !== null) this.#connection.release(execution, known.closedStreams);
    for (const fd of [pidfd, terminal, stdoutKept, stderrKept, ring]) if (fd !== null) closeFd(fd);
  }

  async #reconnect(): Promise<void> {
    const { logger, instance } = this.#context;
    const sandboxId = this.record.id;
    const options = {
      sandboxId,
      onExit: (exit: ExitMessage) => this.onExit(exit),
      onExecution: (execution: ExecutionMessage) => inSection('messages of init', () => this.#onExecution(execution)),
      onClosed: () => this.onConnectionClosed(),
    };
    const address = addressOf(instance, this.record, this.parts.pidfd);
    const outcome = await reconnect(address, options, this.#lettingGo.signal).catch((error: unknown) => error);
    this.#reconnecting = null;
    if (outcome instanceof InitConnection) {
      if (this.#isLetGo) return outcome.close();
      logger.warn({ sandboxId }, 'the connection to init broke; there is a new one');
      this.#connection = outcome;
      return;
    }
    this.#disconnected.resolve();
    if (this.#owner.isEnding || this.#isLetGo) return;
    if (isTakenOver(outcome)) return this.#owner.onTakenOver(this, outcome);
    logger.warn({ sandboxId }, 'a sandbox lost its init');
    this.#owner.onLost(this);
  }

  #endOf(execution: LiveExecution, reason: EndReason): void {
    execution.takeRest();
    execution.forced(reason);
  }
}
