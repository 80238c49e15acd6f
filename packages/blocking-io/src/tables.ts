/** One thing that a worker holds for the main thread. Methods take one argument and return what can be cloned. */
export interface Holder {
  /** By name; what they throw is passed on. */
  readonly methods: Readonly<Record<string, (argument: never) => unknown>>;
  /** Lets go of it; called once. */
  close(): void | Promise<void>;
}

/** The jobs by name: each blocks its thread, or not, and is complete in itself, because its thread may be ended. */
export type JobTable<Jobs> = { readonly [Name in keyof Jobs]: (argument: never) => unknown };
/** What a job is given; it is cloned into the worker. */
export type JobArgument<Jobs, Name extends keyof Jobs> = Jobs[Name] extends (argument: infer Argument) => unknown
  ? Argument
  : never;
/** What a job brings. */
export type JobResult<Jobs, Name extends keyof Jobs> = Jobs[Name] extends (argument: never) => infer Result
  ? Awaited<Result>
  : never;

/**
 * Who owns what a job is given and what it brings, such as descriptors; all run in the main thread. `give` lets go of what
 * the argument names, right before the job starts; `receive` takes over what the result names; a result that comes after
 * its caller has gone (aborted, deadline passed, pool closed) goes to `discard` then.
 *
 * `urgent`: when all threads are taken by others, a thread is there that does nothing else. Such a job must not wait for
 * storage, or for what another job may be holding.
 */
export interface JobRule<Argument = never, Result = never> {
  readonly give?: (argument: Argument) => void;
  readonly receive?: (result: Result) => void;
  readonly discard?: (result: Result) => void;
  readonly urgent?: boolean;
}
export type JobRules<Jobs> = {
  readonly [Name in keyof Jobs]?: JobRule<JobArgument<Jobs, Name>, JobResult<Jobs, Name>>;
};

/** The kinds of handles by name: each function makes one, in the worker. */
export type HolderTable<Holders> = {
  readonly [Kind in keyof Holders]: (argument: never) => Holder | Promise<Holder>;
};
/** What a thing that a worker holds is made from. */
export type HolderArgument<Holders, Kind extends keyof Holders> = JobArgument<Holders, Kind>;
/**
 * What can be done with a thing that a worker holds.
 * @internal
 */
export type HolderMethods<Holders, Kind extends keyof Holders> =
  JobResult<Holders, Kind> extends { readonly methods: infer Methods extends Holder['methods'] } ? Methods : never;
