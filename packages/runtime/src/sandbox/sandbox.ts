import { closeSync } from 'node:fs';
import type { ExitMessage, InitConnection } from '@hatchery/zygote-ipc';
import { abandonable } from '../abandon.ts';
import type { RuntimeContext } from '../context.ts';
import { RuntimeClosedError, throwIfAborted } from '../errors.ts';
import { enforceDeadline } from '../execution/deadline.ts';
import { LiveExecution } from '../execution/execution.ts';
import { killStalledChild } from '../execution/kill-stalled.ts';
import { runToEnd } from '../execution/run-to-end.ts';
import { startExecution } from '../execution/start-execution.ts';
import { TreeCgroups } from '../execution/tree-cgroups.ts';
import type { SandboxRecord } from '../instance/record.ts';
import type { Lease } from '../instance/uid-ranges.ts';
import { compileExec } from '../spec/exec-options.ts';
import { checkInteger } from '../spec/fields.ts';
import type { CompiledSpec } from '../spec/sandbox-spec.ts';
import type { CallOptions, ExecOptions, Execution, RunOptions, RunResult, Sandbox, SandboxState } from '../types.ts';
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

type Command = readonly [string, ...string[]];

/** Its executions: started ones, and those whose start is under way, whose exit may come before they are known. */
interface Slot {
  execution: LiveExecution | null;
  earlyExit: ExitMessage | null;
}

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
  readonly #trees: TreeCgroups;
  readonly #slots = new Map<number, Slot>();
  /** Executions with a pipe open: those that have ended, too, as long as their output is unread. */
  readonly #piped = new Set<LiveExecution>();
  readonly #disconnected = Promise.withResolvers<void>();
  #lastExecution = 0;
  #teardown: Promise<void> | null = null;
  #endReason: 'destroyed' | 'lost' | 'forced-close' = 'lost';

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
    this.#state.apply('made');
    context.sandboxes.set(this.id, this);
  }

  get state(): SandboxState {
    return this.#state.state;
  }

  executions(): Execution[] {
    return [...this.#slots.values()].flatMap(({ execution }) => (execution === null ? [] : [execution]));
  }

  async exec(command: Command, options?: ExecOptions): Promise<Execution> {
    return await this.#start(command, options);
  }

  async run(command: Command, options: RunOptions = {}): Promise<RunResult> {
    const { input, maxOutputBytes = defaultOutputBytes, ...execOptions } = options;
    checkInteger('maxOutputBytes', maxOutputBytes, 0, Number.MAX_SAFE_INTEGER);
    const execution = await this.#start(command, input === undefined ? execOptions : { ...execOptions, stdin: 'pipe' });
    return await runToEnd(execution, { input, maxOutputBytes });
  }

  destroy(options: CallOptions = {}): Promise<void> {
    return abandonable('sandbox.destroy()', this.end('destroyed'), options.signal, () => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.destroy();
  }

  /** The one way to an end. Concurrent and later calls share the first one's teardown, unless it failed. */
  end(reason: 'destroyed' | 'lost' | 'forced-close'): Promise<void> {
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

  onExit(exit: ExitMessage): void {
    const slot = this.#slots.get(exit.execution);
    // Ours from now on, whoever still has to be told.
    this.#parts.connection.acknowledge(exit.execution);
    if (slot === undefined) return; // given up before it started
    if (slot.execution === null) slot.earlyExit = exit;
    else void slot.execution.exited(exit);
  }

  /** Init has gone by itself or was killed: everything inside went with it. */
  onConnectionClosed(): void {
    this.#disconnected.resolve();
    if (this.#state.state !== 'running') return;
    this.#context.logger.warn({ sandboxId: this.id }, 'a sandbox lost its init');
    this.end('lost').catch((error: unknown) =>
      this.#context.logger.error({ err: error, sandboxId: this.id }, 'a lost sandbox could not be removed'),
    );
  }

  async #start(command: Command, options: ExecOptions | undefined): Promise<LiveExecution> {
    if (this.#context.closing) throw new RuntimeClosedError('sandbox.exec()');
    const compiled = compileExec(command, options, this.#parts.spec);
    throwIfAborted(compiled.signal, 'sandbox.exec()');
    this.#state.require('running', 'exec');
    const number = ++this.#lastExecution;
    const slot: Slot = { execution: null, earlyExit: null };
    this.#slots.set(number, slot);
    const { connection, rootFd, lease, spec, pid } = this.#parts;
    const cgroup = this.#context.cgroups.sandbox(this.id);
    const killStalled = (): void => killStalledChild(pid, cgroup.pids());
    const place = {
      sandboxId: this.id,
      connection,
      rootFd,
      trees: this.#trees,
      cgroup,
      lease,
      noNewPrivileges: spec.noNewPrivileges,
      killStalled,
    };
    try {
      const parts = await startExecution(place, number, compiled);
      const execution = new LiveExecution(parts, () => {
        this.#slots.delete(number);
        if (parts.tree !== null) this.#trees.remove(parts.tree);
      });
      slot.execution = execution;
      this.#piped.add(execution);
      execution.onPipesReleased(() => this.#piped.delete(execution));
      enforceDeadline(execution, compiled);
      if (slot.earlyExit !== null) void execution.exited(slot.earlyExit);
      // Its sandbox ended while it was being started; the teardown did not see it yet.
      else if (this.state === 'destroyed') void execution.forced(this.#endReason);
      return execution;
    } catch (error) {
      this.#slots.delete(number);
      throw error;
    }
  }

  async #tearDown(): Promise<void> {
    await teardown(this.#remains);
    this.#state.apply('teardown done');
    this.#context.sandboxes.delete(this.id);
  }

  /** Every process is gone, and with it the other end of each pipe. */
  async #onDead(): Promise<void> {
    // Exits that init had told before it was killed are still in the socket; its end comes after them.
    await this.#disconnected.promise;
    const ended = [...this.#slots.values()].flatMap(({ execution }) => (execution === null ? [] : [execution]));
    for (const execution of this.#piped) execution.takeRest();
    await Promise.all(ended.map((execution) => execution.forced(this.#endReason)));
    this.#parts.connection.close();
    closeSync(this.#parts.workFd);
  }
}
