import type { Holders } from './holders/holders.ts';
import { jobRules } from './jobs/job-rules.ts';
import type { Jobs } from './jobs/jobs.ts';
import type { PoolOptions } from './pool-options.ts';
import { warmFileThreads } from './warm-file-threads.ts';
import { WorkerPool } from './worker-pool.ts';

/** Sources run unbuilt, and nothing rewrites an extension in here. */
const script = new URL(import.meta.url.endsWith('.ts') ? 'worker/worker.ts' : 'worker/worker.js', import.meta.url);

/** Worker threads for what blocks: jobs that run once, and handles that stay open. */
export class BlockingPool extends WorkerPool<Jobs, Holders> {
  private constructor(options: PoolOptions) {
    super(script, options, jobRules);
  }

  /**
   * Opens a pool. No thread is waited for: they start in the background, or with the first job that needs one.
   *
   * @throws PoolError `ERR_POOL_ARGUMENT` for an option that cannot be.
   */
  static async open(options: PoolOptions = {}): Promise<BlockingPool> {
    await warmFileThreads();
    return new BlockingPool(options);
  }
}
