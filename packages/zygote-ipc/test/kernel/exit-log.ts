import type { ExitMessage } from '../../src/index.ts';

/** Every exit that was told, in order. */
export class ExitLog {
  readonly all: ExitMessage[] = [];
  #told = Promise.withResolvers<void>();

  push(exit: ExitMessage): void {
    this.all.push(exit);
    this.#told.resolve();
    this.#told = Promise.withResolvers();
  }

  /** The exit of one execution, told already or to come. */
  async of(execution: number): Promise<ExitMessage> {
    for (;;) {
      const exit = this.all.find((told) => told.execution === execution);
      if (exit !== undefined) return exit;
      await this.#told.promise;
    }
  }

  async count(wanted: number): Promise<void> {
    while (this.all.length < wanted) await this.#told.promise;
  }
}
