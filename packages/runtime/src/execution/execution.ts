import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { Claim } from '@hatchery/event-queue';
import { closeFd, sendSignal } from '@hatchery/linux';
import type { ExitMessage } from '@hatchery/zygote-ipc';
import { abandonable } from '../abandon.ts';
import { HatcheryError, throwIfAborted } from '../errors.ts';
import type { WorkQueue } from '../events/work-queue.ts';
import { attach } from '../output/attach.ts';
import { checkTerminalSize } from '../spec/fields.ts';
import { quote } from '../spec/invalid.ts';
import type { AttachOptions, CallOptions, Execution, ExitStatus, OutputEvent, TerminalSize } from '../types.ts';
import { exitStatusOf } from './exit-status.ts';
import type { ExecutionStreams } from './streams.ts';
import type { TreeCgroup } from './tree-cgroup.ts';

/** What an execution is made of once execve has succeeded. */
export interface ExecutionParts {
  readonly id: string;
  readonly pid: number;
  /** Owned by the execution; null: adopted, and its process had exited before. */
  readonly pidfd: number | null;
  readonly tag: string | undefined;
  readonly streams: ExecutionStreams;
  /** A cgroup of its own, when its whole tree may have to be ended. */
  readonly tree: TreeCgroup | null;
  /** Whether the OOM killer has struck in the sandbox since the start. */
  readonly oomKilled: () => boolean;
  /** From the exit until output that a background process holds is closed; null: never. */
  readonly lingerMs: number | null;
}

/** Who has to know. */
export interface ExecutionOwner {
  readonly work: WorkQueue;
  /** Its process is dead; called once. */
  readonly onEnded: () => void;
  /** Its exit is settled; called once. */
  readonly onPublished: () => void;
}

type Forced = 'destroyed' | 'lost' | 'forced-close';

/**
 * One command: its streams, and its exit. That the process has ended is a fact as soon as anybody learns of it, and the
 * first who does claims the exit; it is published in the drain of the runtime's queue, once and behind the last byte.
 */
export class LiveExecution implements Execution {
  readonly id: string;
  readonly pid: number;
  readonly tag: string | undefined;
  readonly stdin: Writable | null;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly #parts: ExecutionParts;
  readonly #owner: ExecutionOwner;
  readonly #exit = Promise.withResolvers<ExitStatus>();
  readonly #claim = new Claim();
  readonly #exitListeners = new Set<() => void>();
  #status: ExitStatus | null = null;
  /** Why it will have ended, when that is known before its exit: the first writer wins. */
  #forcedReason: 'timeout' | null = null;
  /** We sent SIGKILL: then an exit by it is no news about the memory. */
  #killSent = false;
  #ended = false;
  /** Why nobody here will learn of its exit. */
  #lost: Error | null = null;
  #onEnded: (() => void) | null = null;

  constructor(parts: ExecutionParts, owner: ExecutionOwner) {
    this.#parts = parts;
    this.#owner = owner;
    // Rejected only when the runtime lets go of it, and nobody may be waiting then.
    this.#exit.promise.catch(() => {});
    this.id = parts.id;
    this.pid = parts.pid;
    this.tag = parts.tag;
    this.stdin = parts.streams.stdin;
    this.stdout = parts.streams.stdout;
    this.stderr = parts.streams.stderr;
  }

  wait(options: CallOptions = {}): Promise<ExitStatus> {
    return abandonable('execution.wait()', this.#exit.promise, options.signal, () => {});
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL', options: CallOptions = {}): Promise<void> {
    throwIfAborted(options.signal, 'execution.kill()');
    const number = constants.signals[signal];
    if (number === undefined)
      throw new HatcheryError('ERR_SPEC_INVALID', `kill: signal is ${quote(signal)}; it must be a name like SIGTERM`);
    this.#killSent ||= signal === 'SIGKILL';
    // Through the pidfd, so a recycled pid is never hit; a dead one is fine.
    this.#signal(number);
  }

  async closeStdin(options: CallOptions = {}): Promise<void> {
    throwIfAborted(options.signal, 'execution.closeStdin()');
    if (this.stdin === null || this.stdin.destroyed) return;
    this.stdin.end();
  }

  async resize(size: TerminalSize, options: CallOptions = {}): Promise<void> {
    throwIfAborted(options.signal, 'execution.resize()');
    const checked = checkTerminalSize('size', size);
    if (!this.#parts.streams.hasTerminal)
      throw new HatcheryError('ERR_SPEC_INVALID', 'resize: this execution has no terminal; start it with tty');
    this.#parts.streams.resize(checked);
  }

  attach(options?: AttachOptions): AsyncIterableIterator<OutputEvent> {
    const { sources } = this.#parts.streams;
    const onExit = (listener: () => void): Disposable => {
      this.#exitListeners.add(listener);
      return { [Symbol.dispose]: () => this.#exitListeners.delete(listener) };
    };
    const exit = (): ExitStatus | null => {
      if (this.#lost !== null) throw this.#lost;
      return this.#status;
    };
    return attach({ what: `execution ${this.id}`, sources, exit, onExit }, options);
  }

  /** Called once, when its process is dead; at once when it is already. */
  onEnded(listener: () => void): void {
    if (this.#ended) listener();
    else this.#onEnded = listener;
  }

  /** Sends the signal to every process of the tree. */
  signalTree(signal: 'SIGTERM' | 'SIGKILL', reason: 'timeout' | null): void {
    if (this.#ended) return;
    this.#forcedReason ??= reason;
    this.#killSent ||= signal === 'SIGKILL';
    if (!this.#trySignalTree(signal)) this.#signal(constants.signals[signal]);
  }

  /** The exit as init told it. */
  told(exit: ExitMessage): void {
    if (!this.#claim.take()) return;
    // A descendant that ignored SIGTERM gets no grace of its own once the command has ended.
    if (this.#forcedReason === 'timeout') this.#trySignalTree('SIGKILL');
    const status = exitStatusOf(exit, (signal) => this.#reasonOf(signal));
    this.#end(status);
  }

  /** Its sandbox is gone, every process of it: without a told exit the true status is not known, and none is made up. */
  forced(reason: Forced): void {
    if (this.#claim.take()) this.#end({ exitCode: null, signal: null, reason, usage: null });
  }

  /**
   * This runtime lets go of it while it runs on: whoever waits is told, and its init keeps what there is for the next
   * runner. No exit is claimed by anybody any more.
   */
  letGo(error: Error): void {
    // An exit that is on its way is told here, and once more to the next runner: it is not acknowledged any more.
    if (this.#claim.take()) {
      this.#ended = true;
      this.#onEnded?.();
      this.#closePidfd();
      this.#parts.tree?.letGo();
      this.#exit.reject(error);
      this.#lost = error;
      for (const listener of this.#exitListeners) listener();
    }
    this.#parts.streams.letGo(error);
  }

  /** The streams that nobody here reads any more. */
  get closedStreams(): { stdout: boolean; stderr: boolean } {
    return this.#parts.streams.closed;
  }

  /** Nobody can look it up any more: what is kept of its output is whoever's who holds it. */
  forgetReplay(): void {
    this.#parts.streams.forgetReplay();
  }

  /** No writer is left: what is still in the pipes goes into the logs, so that no descriptor outlives the sandbox. */
  takeRest(): void {
    this.#parts.streams.takeRest();
  }

  /** Its process is dead and its exit claimed, by the caller: whatever happens now, the exit is published. */
  #end(status: ExitStatus): void {
    this.#ended = true;
    this.#onEnded?.();
    this.#closePidfd();
    this.stdin?.destroy();
    this.#owner.onEnded();
    this.#owner.work.post({ run: () => this.#settle(status), drop: () => this.#publish(status) });
  }

  #signal(number: number): void {
    const { pidfd } = this.#parts;
    if (!this.#ended && pidfd !== null) sendSignal(pidfd, number);
  }

  /** From here on its pid belongs to nobody, or to somebody else. */
  #closePidfd(): void {
    if (this.#parts.pidfd !== null) closeFd(this.#parts.pidfd);
  }

  #settle(status: ExitStatus): void {
    const { streams } = this.#parts;
    try {
      streams.takePending();
    } catch {
      // A reader's own listener threw, say. The claim is taken, so nobody else would publish.
    }
    if (streams.isHandedOver) return this.#publish(status);
    void streams.handedOver().then(() => {
      this.#owner.work.post({ run: () => this.#publish(status), drop: () => this.#publish(status) });
    });
  }

  #publish(status: ExitStatus): void {
    this.#status = status;
    this.#exit.resolve(status);
    this.#parts.streams.settle();
    for (const listener of this.#exitListeners) listener();
    this.#linger();
    this.#owner.onPublished();
  }

  #linger(): void {
    const { streams, lingerMs } = this.#parts;
    if (streams.finished || lingerMs === null) return;
    const timer = setTimeout(() => streams.finish(), lingerMs);
    // Does not keep this process alive: then there is nobody for the output either.
    timer.unref();
    streams.onFinished(() => clearTimeout(timer));
  }

  /** false: there is no tree, or it cannot be read (out of descriptors); the command itself can still be reached. */
  #trySignalTree(signal: 'SIGTERM' | 'SIGKILL'): boolean {
    try {
      this.#parts.tree?.signal(signal);
      return this.#parts.tree !== null;
    } catch {
      return false;
    }
  }

  #reasonOf(signal: NodeJS.Signals | null): ExitStatus['reason'] {
    if (this.#forcedReason !== null) return this.#forcedReason;
    if (signal === null) return 'exited';
    return signal === 'SIGKILL' && !this.#killSent && this.#oomKilled() ? 'out-of-memory' : 'signaled';
  }

  #oomKilled(): boolean {
    try {
      return this.#parts.oomKilled();
    } catch {
      return false; // out of descriptors, say: the exit itself is known and comes first
    }
  }
}
