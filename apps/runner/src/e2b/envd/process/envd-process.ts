import { Code, ConnectError } from '@connectrpc/connect';
import type { Execution, ExitStatus } from '@hatchery/runtime';
import type { Budget } from '../../../hosted/budget.ts';
import { Audience, type AudienceParts } from './audience.ts';
import type { ProcessRecord } from './process-record.ts';

/** From a SIGKILL until the kernel has ended a process, as a rule much less. */
export const killMs = 2000;

export interface ProcessParts extends AudienceParts {
  /** Of its sandbox: what was sent to programs and not taken by them. */
  readonly input: Budget;
}

/** One process as clients see it, while it runs and a while longer. */
export class EnvdProcess {
  readonly execution: Execution;
  readonly record: ProcessRecord;
  readonly audience: Audience;
  #status: ExitStatus | null = null;
  readonly #input: Budget;
  #isSignalled = false;

  constructor(parts: ProcessParts) {
    this.#input = parts.input;
    this.execution = parts.execution;
    this.record = parts.record;
    this.audience = new Audience(parts);
  }

  get pid(): number {
    return this.execution.pid;
  }

  get tag(): string | null {
    return this.record.info.tag;
  }

  get isPty(): boolean {
    return this.record.info.isPty;
  }

  /** null: it runs. */
  get status(): ExitStatus | null {
    return this.#status;
  }

  /** Resolves when it has ended; null: this server has lost sight of it. */
  async ended(): Promise<ExitStatus | null> {
    try {
      this.#status = await this.execution.wait();
    } catch {
      return null;
    }
    // Whoever ended it does not wait for what it has left behind.
    if (this.#isSignalled) this.closeOutput();
    return this.#status;
  }

  /** A SIGKILL resolves when it is dead and its pid nobody's, or the kernel takes its time. */
  async signal(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#isSignalled = true;
    await this.execution.kill(signal);
    if (signal === 'SIGKILL') await this.execution.wait({ signal: AbortSignal.timeout(killMs) }).catch(() => {});
  }

  /** Nobody reads it any more: who still writes gets SIGPIPE. */
  closeOutput(): void {
    this.execution.stdout.destroy();
    this.execution.stderr.destroy();
  }

  /** Resolves when the program has taken it, or its pipe has. Nothing is nothing. Throws ConnectError. */
  async feed(to: 'stdin' | 'pty', bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const stdin = this.#stdinFor(to);
    if (bytes.length === 0) return;
    if (!this.#input.take(bytes.length))
      throw new ConnectError(
        `programs of this sandbox have not taken their input yet; at most ${this.#input.maxBytes} bytes wait for them`,
        Code.ResourceExhausted,
      );
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = (): void => reject(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    stdin.write(bytes, (error) => {
      this.#input.give(bytes.length);
      if (error === null || error === undefined) resolve();
      else reject(new ConnectError(`process ${this.pid} no longer reads its input: ${error.message}`, Code.Internal));
    });
    await promise.finally(() => signal.removeEventListener('abort', giveUp));
  }

  async closeStdin(): Promise<void> {
    if (this.isPty)
      throw new ConnectError(
        `process ${this.pid} has a pty, whose input cannot be closed; send Ctrl-D (0x04) instead`,
        Code.Internal,
      );
    this.#stdinFor('stdin');
    await this.execution.closeStdin();
  }

  #stdinFor(to: 'stdin' | 'pty'): NodeJS.WritableStream {
    const { stdin } = this.execution;
    if ((to === 'pty') !== this.isPty)
      throw new ConnectError(
        `process ${this.pid} has ${this.isPty ? 'a pty: send its input as pty' : 'no pty: send its input as stdin'}`,
        Code.Internal,
      );
    if (stdin === null)
      throw new ConnectError(
        `process ${this.pid} has no stdin: it was started without, or an earlier server has started it`,
        Code.Internal,
      );
    return stdin;
  }
}
