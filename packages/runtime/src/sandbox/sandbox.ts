import { statfsSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { abandonable } from '../abandon.ts';
import { connectError } from '../connections/connect-error.ts';
import type { RuntimeContext } from '../context.ts';
import { HatcheryError, RuntimeClosedError, throwIfAborted } from '../errors.ts';
import type { LiveExecution } from '../execution/execution.ts';
import { runToEnd } from '../execution/run-to-end.ts';
import { LiveFiles } from '../files/live-files.ts';
import type { SandboxFiles } from '../files/types.ts';
import type { SandboxRecord } from '../instance/record.ts';
import { inSection } from '../loop-delay/section.ts';
import { compileExec, maxDelayMs } from '../spec/exec-options.ts';
import { checkInteger } from '../spec/fields.ts';
import { notSupported } from '../spec/invalid.ts';
import { compileNetworkRules } from '../spec/network.ts';
import type { CompiledSpec } from '../spec/sandbox-spec.ts';
import type {
  CallOptions,
  CreatedFrom,
  ExecOptions,
  Execution,
  NetworkRules,
  RunOptions,
  RunResult,
  Sandbox,
  SandboxState,
  SandboxStats,
} from '../types.ts';
import type { EndReason, Lifecycle } from './lifecycle.ts';
import { type Beginning, Transitions } from './transitions.ts';

/** What sandbox.run() collects unless told otherwise. */
const defaultOutputBytes = 64 * 1024 ** 2;

type Command = readonly [string, ...string[]];

/** A sandbox of this runtime, from its first lifecycle to its end: what its callers see. */
export class LiveSandbox implements Sandbox {
  readonly id: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: Date;
  readonly files: SandboxFiles;
  readonly #context: RuntimeContext;
  readonly #transitions: Transitions;
  #end: Promise<void> | null = null;

  constructor(context: RuntimeContext, beginning: Beginning) {
    const { id, spec, createdAt } = beginning.record;
    this.id = id;
    this.metadata = spec.metadata;
    this.createdAt = new Date(createdAt);
    this.#context = context;
    this.#transitions = new Transitions(context, beginning, {
      onExpired: () => this.#onExpired(),
      onLost: (lifecycle) => this.#onLost(lifecycle),
      onTakenOver: (error) => this.#onTakenOver(error),
      onLive: (address) => context.sandboxes.insert(this, address),
      onDestroyed: () => context.sandboxes.delete(this),
    });
    this.files = new LiveFiles(context, { id, reachFiles: (what) => this.#transitions.reachFiles(what) });
    context.sandboxes.add(this);
  }

  get state(): SandboxState {
    return this.#transitions.state;
  }

  get stateSince(): Date {
    return this.#transitions.stateSince;
  }

  get createdFrom(): CreatedFrom {
    return this.record.createdFrom;
  }

  get spec(): CompiledSpec {
    return this.record.spec;
  }

  get failure(): string | null {
    return this.#transitions.failure;
  }

  get lifecycleId(): string {
    return this.record.lifecycleId;
  }

  get expiresAt(): Date | null {
    return this.#transitions.expiry.expiresAt;
  }

  get address(): string | null {
    return this.record.slot?.address ?? null;
  }

  get record(): SandboxRecord {
    return this.#transitions.record;
  }

  get lifecycle(): Lifecycle | null {
    return this.#transitions.lifecycle;
  }

  /** It could not be created, and nothing is there of it but this entry. */
  get isEmpty(): boolean {
    return this.#transitions.isEmpty;
  }

  /** It is made, or adopted, and connected: subscribers are told. */
  goLive(): void {
    this.#transitions.goLive();
  }

  executions(): Execution[] {
    return this.lifecycle?.executions() ?? [];
  }

  execution(id: string): Execution | undefined {
    return this.lifecycle?.execution(id);
  }

  exec(command: Command, options?: ExecOptions): Promise<Execution> {
    const signal = options?.signal instanceof AbortSignal ? options.signal : undefined;
    // The signal has killed it; nobody will read it.
    const drop = (late: LiveExecution): void => {
      late.stdout.destroy();
      late.stderr.destroy();
    };
    return this.#context.untilClosed('sandbox.exec()', this.#exec(command, options), signal, drop);
  }

  async run(command: Command, options: RunOptions = {}): Promise<RunResult> {
    const { input, maxOutputBytes = defaultOutputBytes, ...execOptions } = options;
    checkInteger('maxOutputBytes', maxOutputBytes, 0, Number.MAX_SAFE_INTEGER);
    const execution = await this.#exec(command, input === undefined ? execOptions : { ...execOptions, stdin: 'pipe' });
    return await runToEnd(execution, { input, maxOutputBytes });
  }

  pause(options: CallOptions = {}): Promise<void> {
    return this.#change('sandbox.pause()', options, () => this.#transitions.pause());
  }

  resume(options: CallOptions = {}): Promise<void> {
    return this.#change('sandbox.resume()', options, () => this.#transitions.resume());
  }

  stop(options: CallOptions = {}): Promise<void> {
    return this.#change('sandbox.stop()', options, () => this.#transitions.stop());
  }

  start(options: CallOptions = {}): Promise<void> {
    return this.#change('sandbox.start()', options, () => this.#transitions.start(options.signal));
  }

  async updateNetwork(rules: NetworkRules, options: CallOptions = {}): Promise<void> {
    const compiled = compileNetworkRules('rules', rules);
    await this.#change('sandbox.updateNetwork()', options, () => this.#transitions.updateNetwork(compiled));
  }

  setTimeout(timeoutMs: number | null): void {
    const what = 'setTimeout()';
    this.#context.requireOpen(`sandbox.${what}`);
    if (timeoutMs !== null) checkInteger('timeoutMs', timeoutMs, 0, maxDelayMs);
    this.#transitions.require(['running', 'pausing', 'paused', 'resuming', 'stopped'], what);
    this.#transitions.setTimeout(timeoutMs);
  }

  async stats(options: CallOptions = {}): Promise<SandboxStats> {
    throwIfAborted(options.signal, 'sandbox.stats()');
    this.#context.requireOpen('sandbox.stats()');
    this.#transitions.require(['running', 'pausing', 'paused', 'resuming'], 'stats()');
    const { pressure: _, ...counted } = this.#context.cgroups.sandbox(this.id).stats();
    return { ...counted, ...this.#rootUse() };
  }

  connect(port: number, options: CallOptions = {}): Promise<Duplex> {
    const work = this.#connect(port, options.signal);
    return this.#context.untilClosed('sandbox.connect()', work, options.signal, (late) => late.destroy());
  }

  async destroy(options: CallOptions = {}): Promise<void> {
    throwIfAborted(options.signal, 'sandbox.destroy()');
    await abandonable('sandbox.destroy()', this.end('destroyed'), options.signal, () => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // It was to run on, or is another's.
    if (!this.#transitions.isLetGo) await this.destroy();
  }

  /** The one way to an end. Concurrent and later calls share the first one's teardown, unless it failed. */
  end(reason: EndReason): Promise<void> {
    if (this.#end === null) {
      this.#transitions.beginEnd();
      const ending = this.#context.locks.run(this.id, () => this.#endInTurn(reason));
      const work = this.#context.hurrying(ending).catch((error: unknown) => {
        this.#end = null; // the next destroy tries again
        throw error;
      });
      this.#end = work;
      this.#context.sandboxes.track(work);
      this.#context.inBackground(work);
    }
    return this.#end;
  }

  #endInTurn(reason: EndReason): Promise<void> {
    const turn = this.#context.ends.take();
    const begin = (): Promise<void> => inSection('begin of an end', () => this.#transitions.end(reason));
    return turn === null ? begin() : turn.then(begin);
  }

  /** The runtime ends although this could not be removed: whoever waits is told, and nothing keeps the process alive. */
  abandon(): void {
    this.#transitions.expiry.stop();
    this.lifecycle?.abandon(this.#transitions.endReason);
  }

  /** This runtime leaves it to the next one. */
  async letGo(error: Error = new RuntimeClosedError('a sandbox that runs on')): Promise<void> {
    await this.#context.locks.run(this.id, async () => {
      await this.#transitions.letGo(error);
      this.#context.sandboxes.delete(this);
    });
  }

  /** Of its filesystem, by a descriptor that is ours: nothing inside can have the kernel look elsewhere. statfs(2) reads no disk. */
  #rootUse(): Pick<SandboxStats, 'rootUsedBytes' | 'rootBytes'> {
    const { lifecycle } = this;
    if (lifecycle === null)
      throw new HatcheryError('ERR_SANDBOX_STATE', `stats() of sandbox ${this.id}: it has no init`);
    const { bsize, blocks, bfree } = statfsSync(`/proc/self/fd/${lifecycle.parts.rootFd}`);
    return { rootUsedBytes: (blocks - bfree) * bsize, rootBytes: blocks * bsize };
  }

  async #exec(command: Command, options: ExecOptions | undefined): Promise<LiveExecution> {
    if (this.#context.closing) throw new RuntimeClosedError('sandbox.exec()');
    const compiled = compileExec(command, options, this.record.spec);
    if (compiled.durable === true && this.#context.instance.isPrivate)
      throw notSupported('durable', true, 'open the runtime with a name for its instance');
    this.#transitions.requireRunning('exec');
    const { lifecycle } = this;
    if (lifecycle === null) throw new HatcheryError('ERR_SANDBOX_STATE', `exec in sandbox ${this.id}: it has no init`);
    const execution = await lifecycle.exec(compiled);
    // Its sandbox ended while it was being started; the teardown did not see it.
    if (this.state === 'destroyed' || lifecycle !== this.lifecycle)
      lifecycle.endLate(execution, this.#transitions.endReason);
    return execution;
  }

  async #connect(port: number, signal: AbortSignal | undefined): Promise<Duplex> {
    this.#context.requireOpen('sandbox.connect()');
    checkInteger('port', port, 1, 65_535);
    throwIfAborted(signal, 'sandbox.connect()');
    const { connections } = this.#transitions.reachServers('connect()');
    try {
      return await connections.connect(port, signal);
    } catch (error) {
      throw connectError(this.id, port, error);
    }
  }

  /** A change of state: under the lock, given up by the caller alone, ended by a destroy. */
  async #change(what: string, options: CallOptions, act: () => Promise<void>): Promise<void> {
    this.#context.requireOpen(what);
    throwIfAborted(options.signal, what);
    const work = this.#context.hurrying(this.#context.locks.run(this.id, act));
    this.#context.inBackground(work);
    await this.#context.untilClosed(what, work, options.signal, () => {});
  }

  #onExpired(): void {
    // What is so then is asked under the lock: a setTimeout() may come first, and a pause that is under way may fail.
    const { onTimeout } = this.record.spec;
    if (onTimeout === 'pause') this.#inBackground('the pause at its timeout', () => this.#pauseIfDue());
    else if (onTimeout === 'stop') this.#inBackground('the stop at its timeout', () => this.#stopIfDue());
    else this.#inBackground('the destroy at its timeout', () => this.#endIfDue());
  }

  #onLost(lifecycle: Lifecycle): void {
    this.#transitions.beginEnd();
    this.#inBackground('the removal of what lost its init', () => this.#transitions.lose(lifecycle));
  }

  #onTakenOver(error: HatcheryError): void {
    this.#context.logger.error({ err: error, sandboxId: this.id }, 'a sandbox is taken over by a newer runner');
    this.#context.inBackground(this.letGo(error));
  }

  #inBackground(what: string, act: () => Promise<void>): void {
    const work = this.#context.hurrying(this.#context.locks.run(this.id, act));
    this.#context.inBackground(
      work.catch((error: unknown) => this.#context.logger.error({ err: error, sandboxId: this.id }, `failed: ${what}`)),
    );
  }

  async #pauseIfDue(): Promise<void> {
    const { state, expiry } = this.#transitions;
    if (state === 'running' && expiry.isUp) await this.#transitions.pause();
  }

  async #stopIfDue(): Promise<void> {
    const { state, expiry } = this.#transitions;
    if (state === 'running' && expiry.isUp) await this.#transitions.stop();
  }

  async #endIfDue(): Promise<void> {
    const { state, expiry } = this.#transitions;
    if (state === 'running' && expiry.isUp) await this.#transitions.end('destroyed');
  }
}
