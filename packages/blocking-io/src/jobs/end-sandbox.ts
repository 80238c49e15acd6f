import { type Ended, type EndOptions, endSandbox as end } from '@hatchery/linux';

export interface EndSandbox extends EndOptions {
  /** The sandbox's own, `…/sandboxes/<id>`. */
  readonly directory: string;
  /** The head of its record. */
  readonly head: string;
}

/** The first half of a teardown: kills what is alive and returns when nobody is left. Throws `TeardownError`. */
export function endSandbox({ directory, head, ...options }: EndSandbox): Ended {
  return end(directory, head, options);
}
