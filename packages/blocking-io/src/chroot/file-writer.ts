/**
 * Writes content on behalf of whoever pays for it: into the open file `target`, which stays the caller's, goes what is
 * written into `pipe`, the caller's from then on and of this thread's `@hatchery/linux`. `done` tells how many bytes the
 * file took, once the pipe is at its end, or rejects with what went wrong.
 */
export type FileWriter = (target: number) => Promise<{
  /** Write end of the pipe. */
  readonly pipe: number;
  /** Bytes that the file took. */
  readonly done: Promise<number>;
}>;
