import { inSection } from '../loop-delay/section.ts';

/** A step that failed, with its name; `cause` is what it threw. */
export class StepFailure extends Error {
  override readonly name = 'StepFailure';
  readonly step: string;

  constructor(step: string, cause: unknown) {
    super(`step "${step}" failed`, { cause });
    this.step = step;
  }
}

interface Done {
  readonly step: string;
  readonly undo: () => void | Promise<void>;
}

/** Steps in the order they are run, each with what takes it back. */
export class StepList {
  readonly #done: Done[] = [];
  readonly #mayGoOn: () => void;

  /** @param mayGoOn called before each step; throws to stop there */
  constructor(mayGoOn: () => void) {
    this.#mayGoOn = mayGoOn;
  }

  /** Runs one step; from then on `undo` is due. What it throws arrives as StepFailure. */
  async run<T>(step: string, act: () => T | Promise<T>, undo?: (value: T) => void | Promise<void>): Promise<T> {
    this.#mayGoOn();
    let value: T;
    try {
      value = await inSection(`step: ${step}`, act);
    } catch (error) {
      throw new StepFailure(step, error);
    }
    if (undo !== undefined) this.#done.push({ step, undo: () => undo(value) });
    return value;
  }

  /** Registers what must be done even when the step that follows fails half-way, because it may have had an effect. */
  before(step: string, undo: () => void | Promise<void>): void {
    this.#done.push({ step, undo });
  }

  /**
   * Takes everything back in reverse. One that cannot be is told in the result and ends the undo: what was made before it
   * may still be in use by what is left.
   */
  async undo(): Promise<StepFailure[]> {
    const failures: StepFailure[] = [];
    for (let done = this.#done.pop(); done !== undefined; done = this.#done.pop()) {
      try {
        await done.undo();
      } catch (error) {
        failures.push(new StepFailure(`undo of ${done.step}`, error));
        this.#done.length = 0;
      }
    }
    return failures;
  }
}
