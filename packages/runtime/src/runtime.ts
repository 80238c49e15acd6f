import { abandonable } from './abandon.ts';
import type { RuntimeContext } from './context.ts';
import { doctor } from './doctor/doctor.ts';
import type { DoctorFinding } from './doctor/finding.ts';
import { HatcheryError, RuntimeClosedError, throwIfAborted } from './errors.ts';
import { openContext } from './open/open-context.ts';
import { compileOpenOptions, type RuntimeOptions } from './open/options.ts';
import { sweepAbandoned, sweepInstance } from './open/sweep.ts';
import { createSandbox } from './sandbox/create.ts';
import type { LiveSandbox } from './sandbox/sandbox.ts';
import { checkInteger } from './spec/fields.ts';
import { compileSandboxSpec } from './spec/sandbox-spec.ts';
import type { CallOptions, RuntimeEvent, Sandbox, SandboxSpec } from './types.ts';

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
   * Takes the instance's lock, starts the zygote, and removes what dead owners left. Throws ERR_HOST_UNSUPPORTED (not
   * root, cgroups missing), ERR_INSTANCE_LOCKED, ERR_SPEC_INVALID, ERR_NOT_SUPPORTED.
   */
  static async open(options: RuntimeOptions & CallOptions = {}): Promise<Runtime> {
    const { signal, ...given } = options;
    throwIfAborted(signal, 'Runtime.open()');
    const compiled = compileOpenOptions(given);
    const opening = openContext(compiled).then(async (context) => {
      const runtime = new Runtime(context);
      try {
        // An earlier owner of this name may have been killed: its sandboxes ended with it, their traces have not.
        if (!context.instance.isPrivate) await sweepInstance(context.instance, compiled.logger);
      } catch (error) {
        await runtime.close();
        throw error;
      }
      context.inBackground(sweepAbandoned(compiled.runDirectory, compiled.logger));
      return runtime;
    });
    return await abandonable('Runtime.open()', opening, signal, (runtime) => {
      runtime.close().catch((error: unknown) => compiled.logger.error({ err: error }, 'an abandoned open'));
    });
  }

  /**
   * Creates a sandbox; resolves when it takes commands. Throws ERR_SPEC_INVALID, ERR_NOT_SUPPORTED, ERR_SANDBOX_EXISTS,
   * ERR_IMAGE_NOT_FOUND, ERR_IMAGE_UNSUPPORTED, ERR_LIMIT_UNENFORCEABLE, ERR_RESOURCES, ERR_SANDBOX_CREATE,
   * ERR_ZYGOTE_LOST, ERR_ABORTED, ERR_RUNTIME_CLOSED. Whatever it throws, nothing is left behind.
   */
  async create(spec?: SandboxSpec, options: CallOptions = {}): Promise<Sandbox> {
    this.#context.requireOpen('runtime.create()');
    throwIfAborted(options.signal, 'runtime.create()');
    const compiled = compileSandboxSpec(spec);
    const work = this.#context.creates.run(() => createSandbox(this.#context, compiled, options.signal));
    this.#context.inBackground(work);
    const dispose = (sandbox: LiveSandbox): void => this.#context.inBackground(sandbox.end('destroyed'));
    return await this.#context.untilClosed('runtime.create()', work, options.signal, dispose);
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

  get(id: string): Sandbox | undefined {
    return this.#context.sandboxes.get(id);
  }

  list(): Sandbox[] {
    return [...this.#context.sandboxes.values()];
  }

  /** Tries out what this host lets hatchery do, at last by running a program in a sandbox. */
  async doctor(options: CallOptions = {}): Promise<DoctorFinding[]> {
    this.#context.requireOpen('runtime.doctor()');
    const { runDirectory, dataDirectory } = this.#context.options;
    throwIfAborted(options.signal, 'runtime.doctor()');
    const work = doctor({ runDirectory, dataDirectory, runtime: this, ...options });
    this.#context.inBackground(work);
    return await this.#context.untilClosed('runtime.doctor()', work, options.signal, () => {});
  }

  /** Destroys every sandbox, ends the zygote and gives the instance up. Idempotent; what is in flight is undone first. */
  async close(options: CallOptions = {}): Promise<void> {
    throwIfAborted(options.signal, 'runtime.close()');
    this.#closed ??= this.#close();
    await abandonable('runtime.close()', this.#closed, options.signal, () => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    const context = this.#context;
    context.beginClosing();
    // The application may wait for this instead of draining.
    context.work.drainItself();
    // Creates that finish meanwhile see that closing has begun and undo themselves.
    await context.backgroundDone();
    const ends = await Promise.allSettled(
      [...context.sandboxes.values()].map((sandbox) => sandbox.end('forced-close')),
    );
    await context.backgroundDone();
    for (const sandbox of context.sandboxes.values()) sandbox.abandon();
    await context.zygotes.close();
    context.work.drain();
    context.work.close(new RuntimeClosedError('runtime.close()'));
    context.feed.end();
    const failed = ends.filter((end) => end.status === 'rejected').map((end) => end.reason as Error);
    try {
      // With a sandbox that would not go its cgroups stay too, and the next sweep tries again.
      if (failed.length === 0) context.cgroups.remove();
    } finally {
      context.ranges.close();
      context.cgroups.close();
      context.instance.close();
    }
    if (failed.length > 0)
      throw new HatcheryError(
        'ERR_RESOURCES',
        `runtime.close(): ${failed.length} sandboxes could not be removed; their records are kept, the next open sweeps them`,
        { cause: new AggregateError(failed) },
      );
  }
}
