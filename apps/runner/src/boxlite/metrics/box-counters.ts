import type { Box } from '../boxes/box.ts';

/** What has happened with one box. */
interface BoxFigures {
  commands: number;
  execErrors: number;
  bytesSent: number;
  bytesReceived: number;
  /** null: another server has made it. */
  createMs: number | null;
}

/** What has been done through the BoxLite API since this server's start, for clients that ask for it as JSON. */
export class BoxCounters {
  created = 0;
  failed = 0;
  stopped = 0;
  commands = 0;
  execErrors = 0;
  readonly #boxes = new WeakMap<Box, BoxFigures>();

  /** Counts a create, and how long it takes. */
  async creating(create: () => Promise<Box>): Promise<Box> {
    const begun = performance.now();
    try {
      const box = await create();
      this.created += 1;
      this.of(box).createMs = performance.now() - begun;
      return box;
    } catch (error) {
      this.failed += 1;
      throw error;
    }
  }

  /** Counts the start of a command: it runs, or it could not be started. */
  async starting<T>(box: Box, start: () => Promise<T>): Promise<T> {
    try {
      const started = await start();
      this.commands += 1;
      this.of(box).commands += 1;
      return started;
    } catch (error) {
      this.execErrors += 1;
      this.of(box).execErrors += 1;
      throw error;
    }
  }

  of(box: Box): BoxFigures {
    const known = this.#boxes.get(box);
    if (known !== undefined) return known;
    const figures = { commands: 0, execErrors: 0, bytesSent: 0, bytesReceived: 0, createMs: null };
    this.#boxes.set(box, figures);
    return figures;
  }
}
