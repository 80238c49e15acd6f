import type { Job } from './job.ts';
import type { ThreadTask } from './thread-task.ts';
import type { Threads } from './threads.ts';

/** Places for jobs, and the threads that serve them: a job in one lane takes nothing from another. */
export class Lane {
  readonly threads: Threads;
  /** Jobs that run at the same time. */
  readonly places: number;
  readonly running: Map<ThreadTask, Job> = new Map();
  /** Of `running`: given up, but nothing may take their threads' place. */
  readonly hanging: Set<ThreadTask> = new Set();
  /** Threads that are being started for those that wait. */
  starting = 0;

  constructor(threads: Threads, places: number) {
    this.threads = threads;
    this.places = places;
  }

  /** A job can begin here at once. */
  get hasRoom(): boolean {
    return this.running.size < this.places && this.threads.idle;
  }

  /** Nobody is there, or on the way, whose end would let another job begin; those that hang may never end. */
  get isDeserted(): boolean {
    return this.starting + this.running.size === this.hanging.size;
  }

  get isExhausted(): boolean {
    return this.hanging.size >= this.places;
  }
}
