import { CgroupError } from '@hatchery/cgroup';
import { abandonable } from './abandon.ts';
import { censusOf } from './census/census-of.ts';
import type { RuntimeContext } from './context.ts';
import { doctor } from './doctor/doctor.ts';
import type { DoctorFinding } from './doctor/finding.ts';
import { HatcheryError, RuntimeClosedError, throwIfAborted } from './errors.ts';
import type { LoopDelay } from './loop-delay/loop-gauge.ts';
import { adoptInstance } from './open/adopt.ts';
import { openContext } from './open/open-context.ts';
import { openContexts } from './open/open-contexts.ts';
import { compileOpenOptions, type RuntimeOptions } from './open/options.ts';
import { sweepAbandoned, sweepAll } from './open/sweep.ts';
import { expectFirst } from './pool/runtime-host.ts';
import { createSandbox } from './sandbox/create.ts';
import type { LiveSandbox } from './sandbox/sandbox.ts';
import { checkSubscriber, type SandboxSubscriber } from './sandbox-map/sandbox-subscriber.ts';
import type { SubscriberStats } from './sandbox-map/subscriber.ts';
import { checkInteger, checkOneOf } from './spec/fields.ts';
import { invalid } from './spec/invalid.ts';
import { compileSandboxSpec } from './spec/sandbox-spec.ts';
import type { CallOptions, Census, GcResult, PoolStats, RuntimeEvent, Sandbox, SandboxSpec } from './types.ts';

/**
 * Makes and owns sandboxes. Keeps the process alive until it is closed.
 *
 * ```ts
 * await using runtime = await Runtime.open();
 * await using sandbox = await runtime.create();
 * const { stdout } = await sandbox.run(['python3', '-c', 'print(6*7)']);
 * ```
 */
export class Runtime implements AsyncDisposable {
  readonly #context: RuntimeContext;
  #closed: Promise<void> | null = null;

  private constructor(context: RuntimeContext) {
    this.#context = context;
  }

  /**
   * Takes the instance's lock, starts the zygote, adopts the sandboxes of a named instance, and removes what dead owners of
   * private ones left. Throws ERR_HOST_UNSUPPORTED (not root, cgroups missing), ERR_SHIM_REFUSED, ERR_INSTANCE_LOCKED,
   * ERR_SPEC_INVALID, ERR_NOT_SUPPORTED.
   */
  static async open(options: RuntimeOptions & CallOptions = {}): Promise<Runtime> {
    const { signal, ...given } = options;
    throwIfAborted(signal, 'Runtime.open()');
    const compiled = compileOpenOptions(given);
    const opening = openContext(compiled).then(async (context) => {
      const runtime = new Runtime(context);
      try {
        // An earlier owner of this name may have been killed, or has left its sandboxes to the next one.
        if (!context.instance.isPrivate) await adoptInstance(context);
      } catch (error) {
        await runtime.#giveUp();
        throw error;
      }
      context.opened();
      context.collector.start();
      context.inBackground(expectFirst(context));
      context.inBackground(sweepAbandoned(compiled.runDirectory, { ...compiled, workers: context.workers }));
      return runtime;
    });
    return await abandonable('Runtime.open()', opening, signal, (runtime) => {
      runtime.#giveUp().catch((error: unknown) => compiled.logger.error({ err: error }, 'an abandoned open'));
    });
  }

  /**
   * Creates a sandbox; resolves when it takes commands. Throws ERR_SPEC_INVALID, ERR_SANDBOX_EXISTS,
   * ERR_IMAGE_NOT_FOUND, ERR_IMAGE_UNSUPPORTED, ERR_VOLUME_NOT_FOUND, ERR_VOLUME_UNSUPPORTED, ERR_VOLUME_TARGET,
   * ERR_NETWORK_UNSUPPORTED, ERR_NETWORK_FAILED, ERR_LIMIT_UNENFORCEABLE, ERR_RESOURCES, ERR_SANDBOX_CREATE, ERR_ZYGOTE_LOST, ERR_ABORTED, ERR_RUNTIME_CLOSED. Whatever it throws, nothing is left on the machine; where a step of
   * making it failed, an entry `failed` with its reason stays in `list()` until it is destroyed or its id is taken again.
   */
  async create(spec?: SandboxSpec, options: CallOptions = {}): Promise<Sandbox> {
    this.#context.requireOpen('runtime.create()');
    throwIfAborted(options.signal, 'runtime.create()');
    const compiled = compileSandboxSpec(spec);
    const { signal } = options;
    const how = { signal, isIdFree: spec?.id === undefined };
    const create = this.#context.creates.run(() => createSandbox(this.#context, compiled, how));
    const work = this.#context.hurrying(create);
    this.#context.inBackground(work);
    const dispose = (sandbox: LiveSandbox): void => this.#context.inBackground(sandbox.end('destroyed'));
    return await this.#context.untilClosed('runtime.create()', work, signal, dispose);
  }

  /**
   * Handles what has happened since the last call: exits settle, states change, `events()` sees it. At most `max` of it;
   * returns how much. Throws ERR_SPEC_INVALID unless the runtime was opened with `drain: 'manual'`.
   */
  drain(options: { max?: number } = {}): number {
    const { work } = this.#context;
    if (work.drainsItself)
      throw new HatcheryError(
        'ERR_SPEC_INVALID',
        "runtime.drain(): this runtime drains by itself; open it with drain: 'manual'",
      );
    const { max } = options;
    return work.drain(max === undefined ? undefined : checkInteger('max', max, 0, Number.MAX_SAFE_INTEGER));
  }

  /** What happens to sandboxes from this call on, until the runtime is closed; a reader that is too slow gets a `gap`. */
  events(options: CallOptions = {}): AsyncIterableIterator<RuntimeEvent> {
    return this.#context.feed.read(options.signal);
  }

  /** The sandbox of this id, whatever its state; undefined once nothing is left of it. */
  get(id: string): Sandbox | undefined {
    return this.#context.sandboxes.get(id);
  }

  /** Every sandbox of this instance, failed, stopped and paused ones too. */
  list(): Sandbox[] {
    return [...this.#context.sandboxes.values()];
  }

  /**
   * Has the subscriber told of every lifecycle from now on; `list()` in the same turn tells which there are already, and
   * the option `subscribers` of `open()` is for those that are to hear of adopted ones. Its callbacks are called in the
   * order of subscription, synchronously from the change itself (with `drain: 'manual'`, too): they must not block, and
   * return nothing. One that takes longer than `subscriberBudgetMs` or throws is reported by its name and called again the
   * next time; one that returns something, as an async function does, is reported and called no more.
   *
   * Disposing of the result ends the subscription at once. Throws ERR_SPEC_INVALID, ERR_RUNTIME_CLOSED.
   */
  subscribe(subscriber: SandboxSubscriber): Disposable {
    this.#context.requireOpen('runtime.subscribe()');
    return this.#context.sandboxes.subscribe(checkSubscriber('subscriber', subscriber));
  }

  /** What each subscriber's calls have come to. */
  subscriberStats(): SubscriberStats[] {
    return this.#context.sandboxes.subscriberStats();
  }

  /** How late this thread's event loop has come round since the runtime was opened, and who held it up longest. */
  loopDelay(): LoopDelay {
    return this.#context.loop.read();
  }

  /**
   * Resolves as soon as nothing of a sandbox that has ended is left to be cleaned up: processes, roots, files that were
   * open. What ends later is waited for, too, if it begins before that moment. Rejects with ERR_ABORTED, ERR_RUNTIME_CLOSED.
   */
  async waitForLifecycles(options: CallOptions = {}): Promise<void> {
    this.#context.requireOpen('runtime.waitForLifecycles()');
    throwIfAborted(options.signal, 'runtime.waitForLifecycles()');
    const work = this.#context.sandboxes.cleanedUp();
    await this.#context.untilClosed('runtime.waitForLifecycles()', work, options.signal, () => {});
  }

  /** How many parked sandboxes there are, and what became of creates; null: this runtime was opened without a pool. */
  poolStats(): PoolStats | null {
    return this.#context.pool?.stats() ?? null;
  }

  /** Tries out what this host lets hatchery do, at last by running a program in a sandbox. */
  async doctor(options: CallOptions = {}): Promise<DoctorFinding[]> {
    this.#context.requireOpen('runtime.doctor()');
    const { runDirectory, dataDirectory, developmentKey } = this.#context.options;
    throwIfAborted(options.signal, 'runtime.doctor()');
    const work = doctor({
      runDirectory,
      dataDirectory,
      developmentKey: developmentKey ?? undefined,
      runtime: this,
      ...options,
    });
    this.#context.inBackground(work);
    return await this.#context.untilClosed('runtime.doctor()', work, options.signal, () => {});
  }

  /**
   * Counts the kernel objects and files of this instance and holds them against its sandboxes: docs/census.md tells what
   * each kind is, `leaks` what nobody accounts for. Rejects with ERR_CENSUS when something cannot be read.
   */
  async census(options: CallOptions = {}): Promise<Census> {
    this.#context.requireOpen('runtime.census()');
    throwIfAborted(options.signal, 'runtime.census()');
    const work = censusOf(this.#context);
    this.#context.inBackground(work);
    return await this.#context.untilClosed('runtime.census()', work, options.signal, () => {});
  }

  /**
   * Removes debris now, as the runtime does by itself every `gcIntervalMs`, and tries what has failed before once more.
   * docs/crash-safety.md tells what is debris, and what is kept instead of removed. Rejects with ERR_CENSUS, ERR_INSTANCE_LOCKED.
   */
  async gc(options: CallOptions = {}): Promise<GcResult> {
    this.#context.requireOpen('runtime.gc()');
    throwIfAborted(options.signal, 'runtime.gc()');
    const work = this.#context.collector.collect();
    this.#context.inBackground(work);
    return await this.#context.untilClosed('runtime.gc()', work, options.signal, () => {});
  }

  /**
   * Destroys every sandbox, ends the zygote and gives the instance up. Idempotent; what is in flight is undone first.
   * With `sandboxes: 'keep'` those of a named instance run on, and the next `Runtime.open()` of that name adopts them.
   */
  async close(options: CallOptions & { sandboxes?: 'destroy' | 'keep' } = {}): Promise<void> {
    throwIfAborted(options.signal, 'runtime.close()');
    const keep = checkOneOf('sandboxes', options.sandboxes ?? 'destroy', ['destroy', 'keep']) === 'keep';
    if (keep && this.#context.instance.isPrivate)
      throw invalid('sandboxes', 'keep', "'destroy' for a private instance, which nobody comes back to");
    this.#closed ??= this.#close(keep);
    await abandonable('runtime.close()', this.#closed, options.signal, () => {});
  }

  /** The same as `close()`: sandboxes are destroyed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** An opening that failed or was abandoned ends nothing that an earlier owner left. */
  async #giveUp(): Promise<void> {
    await this.close({ sandboxes: this.#context.instance.isPrivate ? 'destroy' : 'keep' });
  }

  async #close(keep: boolean): Promise<void> {
    const context = this.#context;
    context.beginClosing();
    // The application may wait for this instead of draining.
    context.work.drainItself();
    // First: sandboxes that are kept leave the table, and must not look like debris.
    await context.collector.close();
    // Creates that finish meanwhile see that closing has begun and undo themselves.
    await context.backgroundDone();
    const parkedEnded = context.pool?.close() ?? [];
    const ends = await Promise.allSettled(
      [...context.sandboxes.values()].map((sandbox) => (keep ? sandbox.letGo() : sandbox.end('forced-close'))),
    );
    const leftParked = await parkedEnded;
    await context.backgroundDone();
    for (const sandbox of context.sandboxes.values()) sandbox.abandon();
    await context.slots.close();
    await context.zygotes.close();
    context.work.drain();
    context.work.close(new RuntimeClosedError('runtime.close()'));
    context.feed.end();
    context.sandboxes.end();
    const failed = [
      ...ends.filter((end) => end.status === 'rejected').map((end) => end.reason as Error),
      ...leftParked,
    ];
    try {
      // With a sandbox that stays, or would not go, its cgroups stay too.
      const isEmpty = failed.length === 0 && (!keep || context.instance.sandboxIds().length === 0);
      if (isEmpty) await giveBack(context);
    } finally {
      if (context.options.workers === null) await context.workers.close();
      context.loop[Symbol.dispose]();
      context.ranges.close();
      context.cgroups.close();
      context.instance.close();
      openContexts.delete(context);
    }
    if (failed.length > 0)
      throw new HatcheryError(
        'ERR_RESOURCES',
        `runtime.close(): ${failed.length} sandboxes could not be removed; their records are kept, the next open sweeps them`,
        { cause: new AggregateError(failed) },
      );
  }
}

/** The cgroups of the instance, once no sandbox has any. Whoever opens a private one again is nobody: it is swept first. */
async function giveBack(context: RuntimeContext): Promise<void> {
  if (context.instance.isPrivate) await sweepAll(context);
  try {
    context.cgroups.remove();
  } catch (error) {
    if (!(error instanceof CgroupError) || error.code !== 'ERR_CGROUP_BUSY') throw error;
    context.logger.warn({ err: error }, "cgroups that are no sandbox's are left to the collector of the next opening");
  }
  if (context.instance.isPrivate) context.disks.removeEmpty();
}
