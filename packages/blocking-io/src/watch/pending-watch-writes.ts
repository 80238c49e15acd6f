import type { ChrootChange } from './watch-change.ts';

/** How long a file that is written to without being closed waits for its next `write`. */
const WRITE_INTERVAL_MS = 100;
const MAX_FILES = 1024;

/** `made`: nothing was written to it yet. */
type State = 'made' | 'written';

/**
 * Makes few `write` of many: one when the writer closes the file, and one each 100 ms while it goes on. A file that is
 * made and closed empty is told as `create` alone.
 */
export class PendingWatchWrites {
  readonly #tell: (change: ChrootChange) => void;
  readonly #files = new Map<string, State>();
  #timer: NodeJS.Timeout | null = null;

  constructor(tell: (change: ChrootChange) => void) {
    this.#tell = tell;
  }

  made(path: string): void {
    this.#set(path, 'made');
  }

  written(path: string): void {
    this.#set(path, 'written');
  }

  closed(path: string): void {
    const state = this.#files.get(path);
    this.#files.delete(path);
    if (state !== 'made') this.#tell({ type: 'write', path });
  }

  /** What is gone needs no `write` any more. */
  removed(path: string): void {
    this.#files.delete(path);
  }

  renamed(from: string, to: string): void {
    const state = this.#files.get(from);
    this.#files.delete(from);
    this.#files.delete(to);
    if (state !== undefined) this.#files.set(to, state);
  }

  /** Before paths change, or nothing more will be told. */
  flush(): void {
    this.clear();
    const written = [...this.#files].filter(([, state]) => state === 'written');
    this.#files.clear();
    for (const [path] of written) this.#tell({ type: 'write', path });
  }

  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #set(path: string, state: State): void {
    if (!this.#files.has(path) && this.#files.size >= MAX_FILES) this.flush();
    this.#files.set(path, state);
    this.#timer ??= setTimeout(() => this.flush(), WRITE_INTERVAL_MS);
  }
}
