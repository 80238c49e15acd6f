// Run as a pool's worker: the real jobs and handles, and one that ends its thread.
import { holders } from '../../src/holders/holders.ts';
import { jobs } from '../../src/jobs/jobs.ts';
import type { Holder } from '../../src/tables.ts';
import { serve, type WorkerReply, type WorkerTask } from '../../src/worker/serve.ts';

interface Death extends Holder {
  readonly methods: { readonly exit: (status: number) => never };
}

const mortal = {
  ...holders,
  death: (_none: null): Death => ({ methods: { exit: (status) => process.exit(status) }, close() {} }),
};

export type MortalHolders = typeof mortal;
export const runTask: (task: WorkerTask) => Promise<WorkerReply> = serve(jobs, mortal);
