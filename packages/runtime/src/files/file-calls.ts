import type { Readable } from 'node:stream';
import type { Chroot } from '@hatchery/blocking-io';
import { abandonable } from '../abandon.ts';
import type { RuntimeContext } from '../context.ts';
import { AbortError, HatcheryError, RuntimeClosedError, throwIfAborted } from '../errors.ts';
import type { Lifecycle } from '../sandbox/lifecycle.ts';
import { quote } from '../spec/invalid.ts';
import { fileError } from './file-error.ts';
import { FilePlace } from './file-place.ts';
import { FileStream } from './file-stream.ts';
import type { LifecycleFiles } from './lifecycle-files.ts';
import { openLifecycleChroot } from './open-lifecycle-chroot.ts';

/** One call on the files of a sandbox. */
export interface FileCall {
  /** e.g. `read` */
  readonly verb: string;
  readonly path: string;
  /** null: the sandbox's. */
  readonly user: string | null;
  readonly signal: AbortSignal | undefined;
}

/** What a call has to do with. */
export interface Reached {
  readonly files: LifecycleFiles;
  readonly place: FilePlace;
  /** Fires when the sandbox's end has begun. */
  readonly over: AbortSignal;
  /** Fires then, and with the caller's signal. */
  readonly stop: AbortSignal;
}

/** The sandbox whose files they are. */
export interface FilesOwner {
  readonly id: string;
  /** Throws ERR_SANDBOX_STATE unless it runs or is paused. `ending` fires when its end begins. */
  reachFiles(what: string): { lifecycle: Lifecycle; ending: AbortSignal };
}

/** How calls on the files of one sandbox begin and end, whatever they do: refused, given up, and with which error. */
export class FileCalls {
  readonly #context: RuntimeContext;
  readonly #owner: FilesOwner;

  constructor(context: RuntimeContext, owner: FilesOwner) {
    this.#context = context;
    this.#owner = owner;
  }

  /** Settles with what is done, or with a HatcheryError; at once when the caller, the sandbox or the runtime gives up. */
  async run<T>(call: FileCall, act: (chroot: Chroot, reached: Reached) => Promise<T>): Promise<T> {
    const what = nameOf(call);
    const reached = this.reach(call);
    const work = reached.files
      .use((chroot) => act(chroot, reached))
      .catch((error: unknown) => {
        throw this.explain(call, reached, error);
      });
    const untilOver = abandonable(
      what,
      work,
      reached.over,
      () => {},
      () => this.explain(call, reached, null),
    );
    return await this.#context.untilClosed(what, untilOver, call.signal, () => {});
  }

  /** The same for what is read from a stream. Throws what refuses it at once. */
  stream(call: FileCall, open: (chroot: Chroot, reached: Reached, signal: AbortSignal) => Readable): Readable {
    const reached = this.reach(call);
    return new FileStream(
      async (signal) => open(await reached.files.chroot(), reached, signal),
      (error) => this.explain(call, reached, error),
      reached.stop,
    );
  }

  /** Throws ERR_RUNTIME_CLOSED, ERR_ABORTED, ERR_SANDBOX_STATE. */
  reach(call: FileCall): Reached {
    const what = nameOf(call);
    this.#context.requireOpen(what);
    throwIfAborted(call.signal, what);
    const { lifecycle, ending } = this.#owner.reachFiles(what);
    const { record, parts } = lifecycle;
    const open = (): Promise<Chroot> => openLifecycleChroot(this.#context, lifecycle);
    const files = this.#context.fileHandles.of(record.lifecycleId, open);
    const root = { rootFd: parts.rootFd, firstId: parts.lease.firstId };
    const over = AbortSignal.any([ending, files.ended]);
    const stop = call.signal === undefined ? over : AbortSignal.any([over, call.signal]);
    return { files, place: new FilePlace(root, call.user ?? record.spec.user), over, stop };
  }

  /** Whatever a call met, as its caller sees it. */
  explain(call: FileCall, { over }: Reached, error: unknown): Error {
    const { verb, path, signal } = call;
    if (signal?.aborted) return new AbortError(nameOf(call), signal);
    if (this.#context.closing) return new RuntimeClosedError(nameOf(call));
    const sandboxId = this.#owner.id;
    if (!over.aborted) return fileError({ sandboxId, verb, path }, error);
    const reason: unknown = over.reason;
    const why = reason instanceof Error ? reason.message : String(reason);
    const code = reason instanceof HatcheryError ? reason.code : 'ERR_SANDBOX_STATE';
    const text = `${verb} of ${quote(path)} in sandbox ${sandboxId}: given up: ${why}`;
    return new HatcheryError(code, text, { cause: reason });
  }
}

function nameOf({ verb }: FileCall): string {
  return `sandbox.files.${verb}()`;
}
