import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

/** One of the native programs: a request a line, an answer a line, one at a time, so that every round is timed inside C. */
export class LineProcess implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;
  readonly #name: string;

  private constructor(path: string, words: readonly string[]) {
    this.#name = [path, ...words].join(' ');
    this.#child = spawn(path, words, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  static async start(path: string, words: readonly string[]): Promise<LineProcess> {
    const started = new LineProcess(path, words);
    await once(started.#child, 'spawn');
    await started.#answer('start');
    return started;
  }

  /** The numbers of the answer, as sent; throws with the program's own text on `err`. */
  async ask(request: string): Promise<number[]> {
    this.#child.stdin.write(`${request}\n`);
    return this.#answer(request);
  }

  async #answer(request: string): Promise<number[]> {
    const next = await this.#answers.next();
    if (next.done === true) throw new Error(`${this.#name} ended while it was asked: ${request}`);
    const [verdict, ...rest] = next.value.split(' ');
    if (verdict !== 'ok') throw new Error(`${this.#name}: ${request}: ${next.value}`);
    return rest.map(Number);
  }

  /** End of input lets it remove what it made; then it ends by itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin.end();
    await ended;
    this.#lines.close();
  }
}

/** The `index`-th number of an answer in nanoseconds, as milliseconds. */
export function milliseconds(answer: readonly number[], index: number): number {
  const nanoseconds = answer[index];
  if (nanoseconds === undefined || !Number.isFinite(nanoseconds) || nanoseconds < 0) {
    throw new Error(`no time in field ${index} of the answer "${answer.join(' ')}"`);
  }
  return nanoseconds / 1e6;
}
