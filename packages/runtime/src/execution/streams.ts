import { Readable } from 'node:stream';
import { closeFd, setWindowSize } from '@hatchery/linux';
import type { InputStream } from '../input/input-stream.ts';
import type { OutputSource } from '../output/output-source.ts';
import { OutputStream } from '../output/output-stream.ts';
import type { TerminalSize } from '../types.ts';

export interface StreamParts {
  readonly stdin: InputStream | null;
  readonly stdout: OutputSource;
  /** null: a terminal has one stream for all output. */
  readonly stderr: OutputSource | null;
  /** The terminal's master, for its size; closed with its output. */
  readonly terminal: number | null;
}

/** The streams of one execution, from its start until nobody can write to them any more. */
export class ExecutionStreams {
  readonly stdin: InputStream | null;
  readonly stdout: OutputStream;
  readonly stderr: Readable;
  readonly sources: Readonly<{ stdout: OutputSource; stderr?: OutputSource }>;
  readonly #outputs: readonly OutputStream[];
  #terminal: number | null;
  readonly #onFinished: (() => void)[] = [];

  constructor({ stdin, stdout, stderr, terminal }: StreamParts) {
    this.stdin = stdin;
    this.#terminal = terminal;
    this.stdout = new OutputStream('stdout', stdout);
    const errors = stderr === null ? null : new OutputStream('stderr', stderr);
    this.stderr = errors ?? Readable.from([]);
    this.sources = stderr === null ? { stdout } : { stdout, stderr };
    this.#outputs = errors === null ? [this.stdout] : [this.stdout, errors];
  }

  get hasTerminal(): boolean {
    return this.sources.stderr === undefined;
  }

  /** No output descriptor is open any more. */
  get finished(): boolean {
    return this.sources.stdout.finished && this.sources.stderr?.finished !== false;
  }

  resize(size: TerminalSize): void {
    if (this.#terminal !== null) setWindowSize(this.#terminal, size);
  }

  /** Takes what the program has written into the logs, and hands it to those who have begun to read. */
  takePending(): void {
    this.sources.stdout.takePending();
    this.sources.stderr?.takePending();
    for (const output of this.#outputs) output.passAll();
  }

  /** Nobody inside is left: what is still in the pipes is kept for whoever reads it and when, and they are closed. */
  takeRest(): void {
    this.sources.stdout.takeRest();
    this.sources.stderr?.takeRest();
    this.stdin?.destroy();
  }

  /** Resolves when those who listen for data have had all of it; one that has stopped listening is not waited for. */
  async handedOver(): Promise<void> {
    // What flows is emptied in one turn, so this ends unless somebody goes on writing.
    if (this.#outputs.some((output) => output.isFlowingOn)) await new Promise((resolve) => setImmediate(resolve));
  }

  get isHandedOver(): boolean {
    return !this.#outputs.some((output) => output.isFlowingOn);
  }

  /** The exit is told. */
  settle(): void {
    for (const output of this.#outputs) output.settle();
  }

  /** Those whose descriptor is closed. */
  get closed(): { stdout: boolean; stderr: boolean } {
    return { stdout: this.sources.stdout.finished, stderr: this.sources.stderr?.finished !== false };
  }

  /** They are somebody else's from now on, who has descriptors of its own: ours are closed, and init is told nothing. */
  letGo(error: Error): void {
    this.sources.stdout.letGo();
    this.sources.stderr?.letGo();
    // Without a listener an error would end the process; whoever iterates or pipes sees a stream cut short either way.
    for (const output of this.#outputs) output.destroy(output.listenerCount('error') > 0 ? error : undefined);
    this.stdin?.destroy();
  }

  forgetReplay(): void {
    this.sources.stdout.forget();
    this.sources.stderr?.forget();
  }

  /** A background process has held them long enough. */
  finish(): void {
    this.sources.stdout.finish();
    this.sources.stderr?.finish();
  }

  /** Called once, when no output descriptor is open any more. */
  onFinished(listener: () => void): void {
    if (this.finished) listener();
    else this.#onFinished.push(listener);
  }

  /** A stream's descriptor was closed. */
  sourceFinished(): void {
    if (!this.finished) return;
    if (this.#terminal !== null) closeFd(this.#terminal);
    this.#terminal = null;
    if (this.hasTerminal) this.stdin?.destroy();
    for (const listener of this.#onFinished.splice(0)) listener();
  }
}
