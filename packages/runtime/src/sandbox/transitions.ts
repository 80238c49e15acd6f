import { closeFd } from '@hatchery/linux';
import { NetworkError, type NetworkRules } from '@hatchery/network';
import { abandonable } from '../abandon.ts';
import type { RuntimeContext } from '../context.ts';
import { HatcheryError } from '../errors.ts';
import { type SandboxRecord, writeRecord } from '../instance/record.ts';
import { formatHead } from '../instance/record-head.ts';
import { sandboxDirectory } from '../instance/sandbox-directory.ts';
import { withNetnsOf } from '../network/netns-of-init.ts';
import { networkFailure } from '../network/network-error.ts';
import type { MapEntry } from '../sandbox-map/map-entry.ts';
import type { Mapped } from '../sandbox-map/subscriber.ts';
import { notSupported } from '../spec/invalid.ts';
import type { SandboxState } from '../types.ts';
import { createError } from './create-error.ts';
import { Ending } from './ending.ts';
import { Expiry } from './expiry.ts';
import { freeze, freezingError, thaw } from './freezing.ts';
import { type EndReason, Lifecycle, type LifecycleOwner, type LifecycleParts } from './lifecycle.ts';
import { makeLifecycle } from './make-lifecycle.ts';
import { StateCell } from './state.ts';
import { type Remains, type TeardownExtent, teardown } from './teardown.ts';

/** What a sandbox is when its object is made. */
export interface Beginning {
  readonly record: SandboxRecord;
  readonly state: 'running' | 'paused' | 'stopped' | 'failed';
  /** null: it has no processes. */
  readonly parts: LifecycleParts | null;
  /** Of one that failed. */
  readonly reason?: string;
}

/** A lifecycle's place in the sandbox map. */
export type LifecycleEntry = Pick<MapEntry<Mapped>, 'remove' | 'releaseNetwork' | 'cleanUp' | 'finish'>;

/** Who is asked and told. */
export interface TransitionsOwner {
  readonly onExpired: () => void;
  /** The init of this lifecycle is dead, and nobody had asked for it. */
  readonly onLost: (lifecycle: Lifecycle) => void;
  /** A runner that opened the instance later has it now. */
  readonly onTakenOver: (error: HatcheryError) => void;
  /** Its lifecycle takes commands; what ends that lifecycle tells the entry. */
  readonly onLive: (address: string | null) => LifecycleEntry;
  /** Nothing is left of it. */
  readonly onDestroyed: () => void;
}

/**
 * One sandbox's state, and every change of it. Each method is one change, called under the lock of the sandbox's id; the
 * state moves on when the act is confirmed, and where it fails it says what is so now. Long, because all of them are here.
 */
export class Transitions implements LifecycleOwner {
  readonly expiry: Expiry;
  readonly #id: string;
  readonly #context: RuntimeContext;
  readonly #owner: TransitionsOwner;
  readonly #state: StateCell;
  /** A destroy waits for nothing that another change waits for. */
  #ending = new Ending();
  #record: SandboxRecord;
  #lifecycle: Lifecycle | null;
  /** null: it has not gone live, or its clean-up has ended. */
  #entry: LifecycleEntry | null = null;
  #remains: Remains | null = null;
  #failure: string | null;
  #endReason: EndReason = 'lost';
  /** Why it is no longer this runtime's. */
  #letGoReason: Error | null = null;

  constructor(context: RuntimeContext, { record, state, parts, reason }: Beginning, owner: TransitionsOwner) {
    this.#id = record.id;
    this.#context = context;
    this.#owner = owner;
    this.#record = record;
    this.#state = new StateCell(record.id, state);
    this.#failure = reason ?? null;
    this.#lifecycle = parts === null ? null : new Lifecycle(context, parts, this);
    this.expiry = new Expiry(owner.onExpired);
    if (state === 'running') this.expiry.restore(record.deadline);
  }

  get state(): SandboxState {
    return this.#state.state;
  }

  get stateSince(): Date {
    return this.#state.since;
  }

  get record(): SandboxRecord {
    return this.#record;
  }

  get lifecycle(): Lifecycle | null {
    return this.#lifecycle;
  }

  get failure(): string | null {
    return this.#failure;
  }

  get endReason(): EndReason {
    return this.#endReason;
  }

  get isEnding(): boolean {
    return this.#ending.hasBegun;
  }

  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  /** One that could not be created: what was made of it is undone already. */
  get isEmpty(): boolean {
    return this.#lifecycle === null && this.#record.root === null && this.#remains === null;
  }

  require(states: readonly SandboxState[], what: string): void {
    this.#state.require(states, what);
  }

  /** It runs on without this runtime, which neither changes nor ends it any more. */
  get isLetGo(): boolean {
    return this.#letGoReason !== null;
  }

  requireRunning(what: string): void {
    this.#requireOurs();
    this.#ending.throwIfBegun();
    this.#state.require('running', what);
  }

  /** Frozen programs hold no file up. */
  reachFiles(what: string): { lifecycle: Lifecycle; ending: AbortSignal } {
    this.#requireOurs();
    this.#ending.throwIfBegun();
    this.#state.require(['running', 'pausing', 'paused', 'resuming'], what, 'start it first, or create another one');
    return { lifecycle: this.#living(this.state, what), ending: this.#ending.signal };
  }

  /** A frozen server takes no connection. */
  reachServers(what: string): Lifecycle {
    this.requireRunning(what);
    return this.#living('running', what);
  }

  onLost(lifecycle: Lifecycle): void {
    if (lifecycle === this.#lifecycle) this.#owner.onLost(lifecycle);
  }

  onTakenOver(lifecycle: Lifecycle, cause: Error): void {
    if (lifecycle !== this.#lifecycle) return;
    const { name } = this.#context.instance;
    const text = `sandbox ${this.#id}: ${cause.message}: somebody opened instance ${name} after this runtime and has its sandboxes now; close this runtime and open it again`;
    const error = new HatcheryError('ERR_INSTANCE_LOCKED', text, { step: 'reconnect', cause });
    // Whoever holds the lock gives up what it waits for.
    this.#ending.begin(() => error);
    this.#owner.onTakenOver(error);
  }

  /** Whoever holds the lock gives up what it waits for. Not under the lock. */
  beginEnd(): void {
    this.#ending.begin(() => new HatcheryError('ERR_SANDBOX_STATE', `sandbox ${this.#id} is being destroyed`));
  }

  /** What a teardown that failed half-way has closed already is not closed again. */
  async letGo(error: Error): Promise<void> {
    // Its answer would come on a connection that is closed by then.
    await this.#lifecycle?.startsSettled();
    this.expiry.stop();
    this.#letGoReason ??= error;
    this.#entry?.remove();
    this.#leaveMap();
    const remains = this.#remains;
    if (remains === null || remains.onDead !== null) return this.#lifecycle?.letGo(error);
    for (const fd of [remains.initPidfd, remains.rootFd]) if (fd !== null) closeFd(fd);
  }

  /** Last in making or adopting it: a subscriber may do anything with it. */
  goLive(): void {
    this.#entry = this.#owner.onLive(this.#record.slot?.address ?? null);
  }

  async pause(): Promise<void> {
    const lifecycle = this.#living('running', 'pause()');
    this.#state.apply('pause asked');
    try {
      await freeze(lifecycle, this.#ending.signal);
    } catch (error) {
      // Unless a destroy has ended it; then nothing of it runs again.
      if (!this.isEnding) await this.#undo('pause', () => thaw(lifecycle, this.#ending.signal));
      this.#state.apply('pause failed');
      this.expiry.again();
      throw freezingError('pause', this.#id, 'running', error);
    }
    this.#state.apply('frozen');
    this.expiry.stop();
    // Left in the record it would end a sandbox whose runner dies right after the resume.
    if (this.#record.deadline !== null) this.#trySave({ deadline: null });
    this.#context.tell('paused', this.#record);
  }

  async resume(): Promise<void> {
    const lifecycle = this.#living('paused', 'resume()');
    this.#state.apply('resume asked');
    try {
      await thaw(lifecycle, this.#ending.signal);
    } catch (error) {
      // Its work may go on already while its init starts nothing: it stands still as a whole, or is resumed.
      if (!this.isEnding) await this.#undo('resume', () => lifecycle.cgroup.freeze({ signal: this.#ending.signal }));
      this.#state.apply('resume failed');
      throw freezingError('resume', this.#id, 'paused', error);
    }
    this.#state.apply('thawed');
    this.renewDeadline(this.#record.spec.timeoutMs);
    this.#context.tell('resumed', this.#record);
  }

  /** Of one that is paused or stopped it begins later. */
  setTimeout(timeoutMs: number | null): void {
    this.#requireOurs();
    // A pause that is under way may fail.
    if (this.state === 'running' || this.state === 'pausing') this.renewDeadline(timeoutMs);
    else this.#save({ spec: { ...this.#record.spec, timeoutMs } });
  }

  renewDeadline(timeoutMs: number | null): void {
    const { deadline, spec } = this.#record;
    this.expiry.set(timeoutMs);
    if (timeoutMs === null && deadline === null && spec.timeoutMs === null) return;
    this.#save({ deadline: this.expiry.deadline, spec: { ...spec, timeoutMs } });
  }

  /**
   * On record before they are in force: whoever adopts the sandbox after a death in between finds no wider ones. Of one
   * that is stopped they come into force at its start. An end waits for none of it.
   */
  async updateNetwork(network: NetworkRules): Promise<void> {
    const what = 'updateNetwork()';
    this.#requireOurs();
    this.#ending.throwIfBegun();
    this.#state.require(['running', 'paused', 'stopped'], what);
    const { spec, slot } = this.#record;
    if (spec.network === null)
      throw notSupported(what, this.#id, "create it with network: 'slot' or rules: it has loopback alone");
    this.#saveRules(network);
    const lifecycle = this.#lifecycle;
    if (slot === null || lifecycle === null) return;
    try {
      const work = withNetnsOf(lifecycle.parts, (netns) => this.#context.slots.setRules(slot, network, netns));
      this.#context.inBackground(work);
      await abandonable(
        what,
        work,
        this.#ending.signal,
        () => {},
        ({ reason }) => reason as Error,
      );
    } catch (error) {
      // The new ones are in force once it comes to cutting; before that the old ones are.
      if (!(error instanceof NetworkError && error.step === 'cut connections')) this.#takeBackRules(spec.network);
      throw networkFailure(`${what} of sandbox ${this.#id}`, error);
    }
  }

  async stop(): Promise<void> {
    this.#requireOurs();
    this.#state.require(['running', 'paused', 'stopping'], 'stop()');
    if (this.#record.root === null)
      throw notSupported('stop()', this.#id, "create it with root: 'disk', or destroy it: its root lives in memory");
    await this.#endLifecycle('destroyed');
  }

  /** Init is dead. What lives in memory is gone with it; a root on disk is not. */
  async lose(lifecycle: Lifecycle): Promise<void> {
    // Stopped since, and started again perhaps: what runs now has an init of its own.
    if (lifecycle !== this.#lifecycle || this.isLetGo) return;
    if (this.#record.root === null) return await this.end('lost');
    if (this.#state.can('stop asked')) await this.#endLifecycle('lost');
  }

  /** A new lifecycle on a root on disk. */
  async start(signal: AbortSignal | undefined): Promise<void> {
    this.#requireOurs();
    if (this.#record.root === null) this.#state.require('stopped', 'start()');
    this.#state.apply('start asked');
    try {
      const options = { before: this.#record, signal, ending: this.#ending.signal };
      const { parts, attach } = await makeLifecycle(this.#context, this.#record.spec, options);
      this.#record = parts.record;
      this.#lifecycle = new Lifecycle(this.#context, parts, this);
      attach(this.#lifecycle);
    } catch (cause) {
      const error = createError(this.#id, cause);
      this.#failure = error.message;
      this.#state.apply('start failed');
      this.#trySave({ state: 'stopped', init: null, range: null, slot: null });
      this.#context.tell('failed', this.#record, this.#failure);
      throw error;
    }
    this.#state.apply('made');
    this.#failure = null;
    this.expiry.restore(this.#record.deadline);
    this.goLive();
  }

  async end(reason: EndReason): Promise<void> {
    if (this.state === 'destroyed') return;
    this.#requireOurs();
    // A stop that this had to wait for has begun anew.
    this.beginEnd();
    if (this.state !== 'destroying') this.#endReason = reason;
    this.#state.apply(reason === 'lost' && this.#state.can('init lost') ? 'init lost' : 'destroy asked');
    this.expiry.stop();
    this.#entry?.remove();
    if (!this.isEmpty) await this.#tearDown(this.#endReason, 'all');
    this.#state.apply('teardown done');
    this.#owner.onDestroyed();
    this.#leaveMap();
    this.#context.tell('destroyed', this.#record, this.#endReason);
    this.#lifecycle?.forget();
  }

  #requireOurs(): void {
    if (this.#letGoReason !== null) throw this.#letGoReason;
  }

  #living(state: SandboxState, what: string): Lifecycle {
    this.#requireOurs();
    this.#state.require(state, what);
    if (this.#lifecycle === null) throw new HatcheryError('ERR_SANDBOX_STATE', `${what}: it has no init`);
    return this.#lifecycle;
  }

  /** For a change that is so whether or not it can be written down. */
  #trySave(changes: Partial<SandboxRecord>): void {
    try {
      this.#save(changes);
    } catch (error) {
      this.#context.logger.warn({ err: error, sandboxId: this.#id }, 'the record of a sandbox could not be written');
    }
  }

  async #undo(what: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#context.logger.error({ err: error, sandboxId: this.#id }, `a ${what} that failed could not be taken back`);
    }
  }

  async #endLifecycle(reason: EndReason): Promise<void> {
    this.#endReason = reason;
    this.#state.apply('stop asked');
    this.expiry.stop();
    this.#ending.begin(() => new HatcheryError('ERR_SANDBOX_STATE', `sandbox ${this.#id} is being stopped`));
    this.#entry?.remove();
    await this.#tearDown(reason, 'all but the root on disk');
    // A handle on the root keeps it mounted, and what is written there off the disk.
    await this.#context.fileHandles.requireClosed(this.#record.lifecycleId, `stop of sandbox ${this.#id}`);
    this.#remains = null;
    this.#lifecycle?.forget();
    this.#lifecycle = null;
    this.#ending = new Ending();
    const stopped = { state: 'stopped', init: null, range: null, slot: null, deadline: null } as const;
    await this.#context.disks.stopped(this.#save(stopped));
    this.#state.apply('stop done');
    this.#leaveMap();
  }

  #leaveMap(): void {
    this.#entry?.finish();
    this.#entry = null;
  }

  async #tearDown(reason: EndReason, extent: TeardownExtent): Promise<void> {
    const { workers, logger, reaper } = this.#context;
    const { alive, pids } = await teardown(workers, this.#whatRemains(reason), extent);
    if (alive > 0) logger.debug({ sandboxId: this.#id, alive, pids }, 'processes ended with their sandbox');
    await reaper.room();
  }

  /** The same object for each attempt: it holds what has not been dealt with. */
  #whatRemains(reason: EndReason): Remains {
    const lifecycle = this.#lifecycle;
    this.#remains ??= {
      id: this.#id,
      directory: sandboxDirectory(this.#context.instance.directory, this.#id),
      head: formatHead(this.#record),
      initPidfd: lifecycle?.parts.pidfd ?? null,
      rootFd: lifecycle?.parts.rootFd ?? null,
      // One on disk is written out by its unmounting, and its files are removed, or used again, after that.
      dropRoot: this.#record.root === null ? (rootFd) => this.#dropRoot(rootFd) : null,
      lease: lifecycle?.parts.lease ?? null,
      onDead: lifecycle === null ? null : () => this.#onDead(lifecycle, reason),
    };
    return this.#remains;
  }

  /** The kernel has confirmed it. Its network is free now: roots and mounts take their time, and nobody here waits for them. */
  async #onDead(lifecycle: Lifecycle, reason: EndReason): Promise<void> {
    await lifecycle.settle(reason);
    this.#releaseSlot(lifecycle);
    this.#entry?.releaseNetwork();
  }

  /** Only `waitForLifecycles()` and `close()` wait for it. */
  #releaseSlot({ record: { slot } }: Lifecycle): void {
    if (slot === null) return;
    const work = this.#context.slots.release(slot);
    this.#entry?.cleanUp(work);
    this.#context.inBackground(work);
  }

  /** Only `waitForLifecycles()` and `close()` wait for it. */
  #dropRoot(rootFd: number): void {
    const work = this.#context.reaper.take(rootFd);
    this.#entry?.cleanUp(work);
    this.#context.inBackground(work);
  }

  /** A reboot starts it with what its root on disk has on record. */
  /** Rules that cannot be recorded are not the sandbox's: nobody is to start or adopt it with them. */
  #saveRules(network: NetworkRules): void {
    const { spec } = this.#record;
    try {
      const record = this.#save({ spec: { ...spec, network } });
      if (record.root !== null) this.#context.disks.save({ ...record, state: 'stopped' });
    } catch (error) {
      this.#trySave({ spec });
      throw error;
    }
  }

  /** The error that the caller is told is the one of the rules. */
  #takeBackRules(network: NetworkRules): void {
    try {
      this.#saveRules(network);
    } catch (err) {
      this.#context.logger.error({ err, sandboxId: this.#id }, 'network rules that failed are still on record');
    }
  }

  #save(changes: Partial<SandboxRecord>): SandboxRecord {
    this.#record = { ...this.#record, ...changes };
    writeRecord(this.#context.instance.directory, this.#record);
    return this.#record;
  }
}
