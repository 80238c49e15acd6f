import type { PiscinaTask, TaskQueue } from 'piscina';

/**
 * What waits in Piscina for a thread to come up: only tasks that start one, since work is given to idle threads alone.
 * Piscina queues a task before it starts a thread for it, and throws when that fails; nobody has the task's promise then,
 * and its rejection by `destroy()` would end the process.
 */
export class StartQueue implements TaskQueue {
  readonly #tasks: PiscinaTask[] = [];

  get size(): number {
    return this.#tasks.length;
  }

  push(task: PiscinaTask): void {
    this.#tasks.push(task);
  }

  shift(): PiscinaTask | null {
    return this.#tasks.shift() ?? null;
  }

  remove(task: PiscinaTask): void {
    const index = this.#tasks.indexOf(task);
    if (index >= 0) this.#tasks.splice(index, 1);
  }

  /** The youngest ones are nobody's; `size` others were there before. */
  forgetBeyond(size: number): void {
    this.#tasks.splice(size);
  }
}
