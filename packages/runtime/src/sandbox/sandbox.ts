import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { closeFd, sendSignal } from '@hatchery/linux';
import type { ExecutionMessage, ExitMessage, InitConnection } from '@hatchery/zygote-ipc';
import { abandonable } from '../abandon.ts';
import type { RuntimeContext } from '../context.ts';
import { HatcheryError, RuntimeClosedError, throwIfAborted } from '../errors.ts';
import { enforceDeadline } from '../execution/deadline.ts';
import { LiveExecution } from '../execution/execution.ts';
import { killStalledChild } from '../execution/kill-stalled.ts';
import { runToEnd } from '../execution/run-to-end.ts';
import { type ExecutionPlace, startExecution } from '../execution/start-execution.ts';
import { TreeCgroups } from '../execution/tree-cgroups.ts';
import { InFlight } from '../in-flight.ts';
import type { SandboxRecord } from '../instance/record.ts';
import type { Lease } from '../instance/uid-ranges.ts';
import { compileExec } from '../spec/exec-options.ts';
import { checkInteger } from '../spec/fields.ts';
import { notSupported } from '../spec/invalid.ts';
import type { CompiledSpec } from '../spec/sandbox-spec.ts';
import type { CallOptions, ExecOptions, Execution, RunOptions, RunResult, Sandbox, SandboxState } from '../types.ts';
import { Executions } from './executions.ts';
import { reconnect } from './reconnect.ts';
import { StateCell } from './state.ts';
import { type Remains, teardown } from './teardown.ts';

/** What a create hands over; descriptors are the sandbox's from then on. */
export interface SandboxParts {
  readonly spec: CompiledSpec;
  readonly record: SandboxRecord;
  readonly lease: Lease;
  readonly connection: InitConnection;
  /** Init as the host sees it. */
  readonly pid: number;
  readonly pidfd: number;
  readonly rootFd: number;
  /** Directory of the cgroup that executions are born in. */
  readonly workFd: number;
}

/** What sandbox.run() collects unless told otherwise. */
const defaultOutputBytes = 64 * 1024 ** 2;

/** One being started, one on its way to init, and their answers on their way back. */
const startsInFlight = 4;

type Command = readonly [string, ...string[]];

type EndReason = 'destroyed' | 'lost' | 'forced-close';

/** A running sandbox of this runtime. */
export class LiveSandbox implements Sandbox {
  readonly id: string;
  readonly lifecycleId: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: Date;
  readonly expiresAt: Date | null = null;
  readonly #context: RuntimeContext;
  readonly #parts: SandboxParts;
  readonly #state: StateCell;
  readonly #remains: Remains;
  /** Init starts one after the other: what waits for its turn there would use up its deadline. */
  readonly #starts = new InFlight(startsInFlight);
  readonly #trees: TreeCgroups;
  readonly #executions: Executions;
  readonly #disconnected = Promise.withResolvers<void>();
  #connection: InitConnection;
  #reconnecting: Promise<void> | null = null;
  #teardown: Promise<void> | null = null;
  #endReason: EndReason = 'lost';

  constructor(context: RuntimeContext, parts: SandboxParts) {
    this.#context = context;
    this.#parts = parts;
    this.id = parts.spec.id;
    this.lifecycleId = parts.record.lifecycleId;
    this.metadata = parts.spec.metadata;
    this.createdAt = new Date(parts.record.createdAt);
    this.#state = new StateCell(this.id);
    this.#remains = {
      id: this.id,
      instanceDirectory: context.instance.directory,
      cgroup: context.cgroups.sandbox(this.id),
      initPidfd: parts.pidfd,
      rootFd: parts.rootFd,
      lease: parts.lease,
      onDead: () => this.#onDead(),
    };
    this.#trees = new TreeCgroups(parts.workFd, parts.lease.firstId);
    this.#executions = new Executions(context.options.exitRetentionMs);
    this.#connection = parts.connection;
    this.#state.apply('made');
    context.sandboxes.set(this.id, this);
    context.tell('created', this);
  }

  get state(): SandboxState {
    return this.#state.state;
  }

  executions(): Execution[] {
    return this.#executions.running();
  }

  execution(id: string): Execution | undefined {
    return this.#executions.find(id);
  }

  exec(command: Command, options?: ExecOptions): Promise<Execution> {
    const signal = options?.signal instanceof AbortSignal ? options.signal : undefined;
    // The signal has killed it; nobody will read it.
    const drop = (late: LiveExecution): void => {
      late.stdout.destroy();
      late.stderr.destroy();
    };
    return this.#context.untilClosed('sandbox.exec()', this.#start(command, options), signal, drop);
  }

  async run(command: Command, options: RunOptions = {}): Promise<RunResult> {
    const { input, maxOutputBytes = defaultOutputBytes, ...execOptions } = options;
    checkInteger('maxOutputBytes', maxOutputBytes, 0, Number.MAX_SAFE_INTEGER);
    const execution = await this.#start(command, input === undefined ? execOptions : { ...execOptions, stdin: 'pipe' });
    return await runToEnd(execution, { input, maxOutputBytes });
  }

  async destroy(options: CallOptions = {}): Promise<void> {
    throwIfAborted(options.signal, 'sandbox.destroy()');
    await abandonable('sandbox.destroy()', this.end('destroyed'), options.signal, () => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.destroy();
  }

  /** The one way to an end. Concurrent and later calls share the first one's teardown, unless it failed. */
  end(reason: EndReason): Promise<void> {
    if (this.#teardown === null) {
      if (this.#state.state === 'running') {
        this.#endReason = reason;
        this.#state.apply(reason === 'lost' ? 'init lost' : 'destroy asked');
      }
      const work = this.#tearDown().catch((error: unknown) => {
        this.#teardown = null; // the next destroy tries again
        throw error;
      });
      this.#teardown = work;
      this.#context.inBackground(work);
    }
    return this.#teardown;
  }

  /** The runtime ends although this could not be removed: whoever waits is told, and nothing keeps the process alive. */
  abandon(): void {
    for (const execution of this.#executions.all()) this.#endOf(execution);
    this.#connection.close();
  }

  onExit(exit: ExitMessage): void {
    // One that nobody here knows was given up, or its exit is settled already and was told again on a new connection.
    if (!this.#executions.told(exit)) this.#connection.acknowledge(exit.execution);
  }

  /** The connection to init broke: that is no exit yet. What runs goes on while a new one is made. */
  onConnectionClosed(): void {
    if (this.#state.state !== 'running') this.#disconnected.resolve();
    // Never rejects. One at a time: a connection breaks once.
    else this.#reconnecting = this.#reconnect();
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
    const { record, pidfd } = this.#parts;
    const { instance, logger } = this.#context;
    const address = {
      instanceDirectory: instance.directory,
      sandboxId: this.id,
      token: Buffer.from(record.token, 'hex'),
      epoch: Number(instance.epoch),
      pidfd,
    };
    const connection = await reconnect(address, {
      sandboxId: this.id,
      onExit: (exit) => this.onExit(exit),
      onExecution: (execution) => this.#onExecution(execution),
      onClosed: () => this.onConnectionClosed(),
    }).catch(() => {
      // Out of descriptors: without a way to look at init, it is ended before it is told as lost.
      sendSignal(pidfd, constants.signals.SIGKILL);
      return null;
    });
    this.#reconnecting = null;
    if (connection !== null) {
      logger.warn({ sandboxId: this.id }, 'the connection to init broke; there is a new one');
      this.#connection = connection;
      return;
    }
    this.#disconnected.resolve();
    if (this.#state.state !== 'running') return;
    logger.warn({ sandboxId: this.id }, 'a sandbox lost its init');
    this.end('lost').catch((error: unknown) =>
      logger.error({ err: error, sandboxId: this.id }, 'a lost sandbox could not be removed'),
    );
  }

  async #start(command: Command, options: ExecOptions | undefined): Promise<LiveExecution> {
    if (this.#context.closing) throw new RuntimeClosedError('sandbox.exec()');
    const compiled = compileExec(command, options, this.#parts.spec);
    if (compiled.durable === true && this.#context.instance.isPrivate)
      throw notSupported('durable', true, 'open the runtime with a name for its instance');
    throwIfAborted(compiled.signal, 'sandbox.exec()');
    if (this.#reconnecting !== null) await this.#reconnecting;
    this.#state.require('running', 'exec');
    const number = this.#executions.begin();
    try {
      const parts = await this.#starts.run(() => {
        throwIfAborted(compiled.signal, 'sandbox.exec()');
        // It may have ended while this waited for its turn, and its descriptors' numbers be others' by now.
        this.#state.require('running', 'exec');
        return startExecution(this.#place(), number, compiled);
      });
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
      enforceDeadline(execution, compiled);
      this.#executions.started(number, execution);
      // Its sandbox ended while it was being started; the teardown did not see it.
      if (this.state === 'destroyed') this.#endOf(execution);
      return execution;
    } catch (error) {
      this.#executions.giveUp(number);
      if (this.#context.closing) throw new RuntimeClosedError('sandbox.exec()', { cause: error });
      if (this.#reconnecting !== null) await this.#reconnecting;
      if (error instanceof HatcheryError && error.code === 'ERR_SANDBOX_LOST' && this.#state.state === 'running')
        throw new HatcheryError(
          'ERR_EXEC_FAILED',
          `exec in sandbox ${this.id}: the connection to its init broke meanwhile and is mended; what may have been started is ended; try again`,
          { cause: error },
        );
      throw error;
    }
  }

  #place(): ExecutionPlace {
    const { rootFd, lease, spec, pid } = this.#parts;
    const { instance, cgroups, options, replay } = this.#context;
    const cgroup = cgroups.sandbox(this.id);
    return {
      sandboxId: this.id,
      connection: this.#connection,
      rootFd,
      trees: this.#trees,
      cgroup,
      lease,
      noNewPrivileges: spec.noNewPrivileges,
      replayBytes: options.replayBytes,
      budget: replay,
      durable: !instance.isPrivate,
      release: (execution, streams) => this.#connection.release(execution, streams),
      killStalled: (leastMs) => {
        if (this.#state.state === 'running') killStalledChild(pid, cgroup.pids(), leastMs);
      },
    };
  }

  async #tearDown(): Promise<void> {
    await teardown(this.#remains);
    this.#state.apply('teardown done');
    this.#context.sandboxes.delete(this.id);
    this.#context.tell('destroyed', this, this.#endReason);
    this.#executions.forget();
  }

  /** Every process is gone, and with it the other end of each pipe. */
  async #onDead(): Promise<void> {
    // Exits that init had told before it was killed are still in the socket; its end comes after them.
    await this.#disconnected.promise;
    for (const execution of this.#executions.all()) this.#endOf(execution);
    this.#connection.close();
    closeSync(this.#parts.workFd);
  }

  #endOf(execution: LiveExecution): void {
    execution.takeRest();
    execution.forced(this.#endReason);
  }
}
