import { yieldToOthers } from '@hatchery/linux';
import { holders } from '../holders/holders.ts';
import { jobs } from '../jobs/jobs.ts';
import { serve, type WorkerReply, type WorkerTask } from './serve.ts';

/** What every thread of a `BlockingPool` runs. */
export const runTask: (task: WorkerTask) => Promise<WorkerReply> = serve(jobs, holders);

// The main loop goes first, whatever is removed here.
yieldToOthers();
