import { type Lease, type LeaseOwner, leaseRange } from './uid-ranges.ts';

/** Idle leases that are kept, so that the zygote finds the user namespace it made for a range before (0.3 ms). */
const maxIdle = 16;

/** The ranges of one runtime. A lease stays the instance's between two sandboxes; only one at a time has it. */
export class RangePool {
  readonly #idle: Lease[] = [];
  #closed = false;

  /** A range for one sandbox; its `release` is due when no process is left. Throws ERR_RESOURCES. */
  take(owner: LeaseOwner): Lease {
    // First in, first out: a range rests as long as there are others.
    const lease = this.#idle.shift() ?? leaseRange({ owner });
    let released = false;
    return {
      firstId: lease.firstId,
      sandboxId: owner.sandboxId,
      release: () => {
        if (released) return;
        released = true;
        if (this.#closed || this.#idle.length >= maxIdle) lease.release();
        else this.#idle.push(lease);
      },
    };
  }

  /** Gives the idle ones back; the others follow when they are released. */
  close(): void {
    this.#closed = true;
    for (const lease of this.#idle.splice(0)) lease.release();
  }
}
