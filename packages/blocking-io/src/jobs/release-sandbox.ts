import { type ReleaseOptions, releaseSandbox as release } from '@hatchery/linux';

export interface ReleaseSandbox extends ReleaseOptions {
  /** The sandbox's own, `…/sandboxes/<id>`. */
  readonly directory: string;
  /** The head of its record. */
  readonly head: string;
}

/** The second half of a teardown: removes everything that is there of a sandbox. Throws `TeardownError`. */
export function releaseSandbox({ directory, head, ...options }: ReleaseSandbox): void {
  release(directory, head, options);
}
