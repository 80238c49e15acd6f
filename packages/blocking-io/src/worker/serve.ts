import type { MessagePort } from 'node:worker_threads';
import { monotonicMs } from '../monotonic.ts';
import { type Outcome, outcomeOf } from '../outcome.ts';
import { PoolError } from '../pool-error.ts';
import type { HolderTable, JobTable } from '../tables.ts';
import { serveStation } from './serve-station.ts';

/** What the main thread sends: a job, the port over which this thread holds handles until released, or only a start. */
export type WorkerTask =
  | { readonly job: string; readonly argument: unknown }
  | { readonly station: MessagePort }
  | { readonly ahead: true };

export interface WorkerReply {
  readonly startedMs: number;
  readonly outcome: Outcome;
}

/** The function that a worker script exports as `runTask`. It never throws: what a job throws is part of the reply. */
export function serve<Jobs, Holders>(
  jobs: JobTable<Jobs>,
  holders: HolderTable<Holders>,
): (task: WorkerTask) => Promise<WorkerReply> {
  return async (task) => {
    const startedMs = monotonicMs();
    if ('ahead' in task) return { startedMs, outcome: { value: undefined } };
    if ('station' in task) return { startedMs, outcome: await outcomeOf(() => serveStation(task.station, holders)) };
    return { startedMs, outcome: await outcomeOf(() => runJob(jobs, task.job, task.argument)) };
  };
}

function runJob<Jobs>(jobs: JobTable<Jobs>, name: string, argument: unknown): unknown {
  if (!Object.hasOwn(jobs, name))
    throw new PoolError({ code: 'ERR_POOL_ARGUMENT', step: name, text: `there is no job ${JSON.stringify(name)}` });
  return (jobs[name as keyof Jobs] as (argument: unknown) => unknown)(argument);
}
