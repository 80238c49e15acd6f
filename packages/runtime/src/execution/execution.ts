import { randomUUID } from 'node:crypto';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { closeFd, sendSignal } from '@hatchery/linux';
import { decodeWaitStatus, type ExitMessage } from '@hatchery/zygote-ipc';
import { abandonable } from '../abandon.ts';
import { HatcheryError, throwIfAborted } from '../errors.ts';
import { quote } from '../spec/invalid.ts';
import type { CallOptions, Execution, ExitStatus } from '../types.ts';
import { drained } from './drained.ts';
import type { PipeOutput } from './pipe-output.ts';
import type { TreeCgroup } from './tree-cgroup.ts';

/** What an execution is made of once execve has succeeded. */
export interface ExecutionParts {
  readonly pid: number;
  /** Owned by the execution. */
  readonly pidfd: number;
  readonly tag: string | undefined;
  readonly stdin: Writable | null;
  readonly stdout: PipeOutput;
  readonly stderr: PipeOutput;
  /** A cgroup of its own, when its whole tree may have to be ended. */
  readonly tree: TreeCgroup | null;
  /** Whether the OOM killer has struck in the sandbox since the start. */
  readonly oomKilled: () => boolean;
}

/** One command: its streams, and its exit, published once and after its own output. */
export class LiveExecution implements Execution {
  readonly id: string = randomUUID();
  readonly pid: number;
  readonly tag: string | undefined;
  readonly stdin: Writable | null;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly #parts: ExecutionParts;
  readonly #exit = Promise.withResolvers<ExitStatus>();
  readonly #onPublished: () => void;
  /** Why it will have ended, when that is known before its exit: the first writer wins. */
  #forcedReason: 'timeout' | null = null;
  /** We sent SIGKILL: then an exit by it is no news about the memory. */
  #killSent = false;
  #claimed = false;
  #onExited: (() => void) | null = null;
  #pidfdOpen = true;

  constructor(parts: ExecutionParts, onPublished: () => void) {
    this.#parts = parts;
    this.#onPublished = onPublished;
    this.pid = parts.pid;
    this.tag = parts.tag;
    this.stdin = parts.stdin;
    this.stdout = parts.stdout;
    this.stderr = parts.stderr;
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
    if (this.#pidfdOpen) sendSignal(this.#parts.pidfd, number);
  }

  async closeStdin(options: CallOptions = {}): Promise<void> {
    throwIfAborted(options.signal, 'execution.closeStdin()');
    if (this.stdin === null || this.stdin.destroyed) return;
    this.stdin.end();
  }

  /** Called once, when its exit is known; at once when it is already. */
  onExited(listener: () => void): void {
    if (this.#claimed) listener();
    else this.#onExited = listener;
  }

  /** Sends the signal to every process of the tree. */
  signalTree(signal: 'SIGTERM' | 'SIGKILL', reason: 'timeout' | null): void {
    if (!this.#claimed) this.#forcedReason ??= reason;
    this.#killSent ||= signal === 'SIGKILL';
    if (this.#trySignalTree(signal)) return;
    if (this.#pidfdOpen) sendSignal(this.#parts.pidfd, constants.signals[signal]);
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

  /** The exit as init told it. Published after the bytes that the process wrote before. */
  async exited(exit: ExitMessage): Promise<void> {
    if (!this.#claim()) return;
    const { exitCode, signal } = decodeWaitStatus(exit.waitStatus);
    const usage = {
      userMs: exit.userMicroseconds / 1000,
      systemMs: exit.systemMicroseconds / 1000,
      maxRssBytes: exit.maxRssKilobytes * 1024,
    };
    let reason: ExitStatus['reason'] = this.#forcedReason ?? (signal === null ? 'exited' : 'signaled');
    try {
      // A descendant that ignored SIGTERM gets no grace of its own once the command has ended.
      if (this.#forcedReason === 'timeout') this.#parts.tree?.signal('SIGKILL');
      reason = this.#forcedReason ?? this.#reasonOf(signal);
      await Promise.all([drained(this.#parts.stdout), drained(this.#parts.stderr)]);
    } catch {
      // Out of descriptors, say. The claim is taken, so nobody else would publish: the exit comes first.
    }
    this.#publish({ exitCode, signal, reason, usage });
  }

  /**
   * Its sandbox is gone: without a told exit the true status is not known, and none is made up. Resolves when its exit is
   * published, whoever does it.
   */
  async forced(reason: 'destroyed' | 'lost' | 'forced-close'): Promise<void> {
    if (!this.#claim()) {
      await this.#exit.promise;
      return;
    }
    // Likewise: what cannot be drained does not keep the exit back.
    await Promise.all([drained(this.#parts.stdout), drained(this.#parts.stderr)]).catch(() => {});
    this.#publish({ exitCode: null, signal: null, reason, usage: null });
  }

  /** Called once, when none of its output pipes is open any more: with unread output that can be long after its exit. */
  onPipesReleased(listener: () => void): void {
    let open = 2;
    const released = (): void => {
      if (--open === 0) listener();
    };
    this.#parts.stdout.onReleased = released;
    this.#parts.stderr.onReleased = released;
  }

  /** No writer is left: what is still in the pipes goes into the streams, so that no descriptor outlives the sandbox. */
  takeRest(): void {
    this.#parts.stdout.takeRest();
    this.#parts.stderr.takeRest();
    this.stdin?.destroy();
  }

  #reasonOf(signal: NodeJS.Signals | null): 'exited' | 'signaled' | 'out-of-memory' {
    if (signal === null) return 'exited';
    return signal === 'SIGKILL' && !this.#killSent && this.#parts.oomKilled() ? 'out-of-memory' : 'signaled';
  }

  #claim(): boolean {
    if (this.#claimed) return false;
    this.#claimed = true;
    this.#onExited?.();
    // Seen dead: from here on its pid belongs to nobody, or to somebody else.
    this.#pidfdOpen = false;
    closeFd(this.#parts.pidfd);
    this.stdin?.destroy();
    return true;
  }

  #publish(status: ExitStatus): void {
    this.#exit.resolve(status);
    this.#onPublished();
  }
}
