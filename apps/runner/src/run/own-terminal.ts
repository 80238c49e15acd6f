import type { ReadStream, WriteStream } from 'node:tty';
import { makeTerminalRaw } from '@hatchery/linux';
import type { TerminalSize } from '@hatchery/runtime';

const standardInput = 0;
/** What docker and ssh take when there is no terminal to ask. */
const defaultSize: TerminalSize = { columns: 80, rows: 24 };

/**
 * The terminal that this process was started on, as far as there is one: standard input or output may as well be a file,
 * a pipe or closed.
 */
export class OwnTerminal implements Disposable {
  readonly #input: ReadStream | null;
  readonly #output: WriteStream | null;
  #onResize: (() => void) | null = null;
  #undo: (() => void) | null = null;
  readonly #restore = (): void => {
    this.#undo?.();
    this.#undo = null;
  };

  constructor(input: NodeJS.ReadStream, output: NodeJS.WriteStream) {
    this.#input = input.isTTY ? input : null;
    this.#output = output.isTTY ? output : null;
  }

  get size(): TerminalSize {
    // A terminal that does not know its size says 0.
    const { columns, rows } = this.#output ?? defaultSize;
    return { columns: columns || defaultSize.columns, rows: rows || defaultSize.rows };
  }

  /** From now on every key goes to the program as it is, Ctrl-C too, and its terminal does the echo. Undone at the exit. */
  handOver(): void {
    if (this.#input === null) return;
    this.#undo = makeTerminalRaw(standardInput);
    process.once('exit', this.#restore);
  }

  onResize(listener: (size: TerminalSize) => void): void {
    this.#onResize = () => listener(this.size);
    this.#output?.on('resize', this.#onResize);
  }

  [Symbol.dispose](): void {
    this.#restore();
    process.off('exit', this.#restore);
    if (this.#onResize !== null) this.#output?.off('resize', this.#onResize);
  }
}
