import { type Lease, type LeaseOwner, leaseRange } from './uid-ranges.ts';

/** What a sandbox has of a range. */
export interface LentLease extends Omit<Lease, 'release'> {
  /**
   * Whether the range stays the instance's when this sandbox is gone; the answer is kept. false: its link is the
   * teardown's to remove, in a worker, because an unlink waits for the filesystem's journal (0.5 ms each on ext4).
   */
  staysLeased(): boolean;
  /** Call it when no process and no file of it is left. Idempotent. */
  release(): void;
}

/** Idle leases that are kept, so that the zygote finds the user namespace it made for a range before (0.3 ms). */
const maxIdle = 16;

/** The ranges of one runtime. A lease stays the instance's between two sandboxes; only one at a time has it. */
export class RangePool {
  readonly #idle: Lease[] = [];
  readonly #lent = new Set<string>();
  /** Places among the idle, for leases that are on their way back. */
  #kept = 0;
  #closed = false;

  /** A range for one sandbox; its `release` is due when no process is left. Throws ERR_RESOURCES. */
  take(owner: LeaseOwner): LentLease {
    // First in, first out: a range rests as long as there are others.
    return this.lend(this.#idle.shift() ?? leaseRange({ owner }), owner.sandboxId);
  }

  /** A lease that comes back to the pool; also one that an earlier runner of this instance took. */
  lend(lease: Lease, sandboxId: string): LentLease {
    let stays: boolean | null = null;
    let released = false;
    this.#lent.add(lease.path);
    return {
      firstId: lease.firstId,
      sandboxId,
      path: lease.path,
      staysLeased: () => {
        stays ??= this.#keepPlace();
        return stays;
      },
      release: () => {
        if (released) return;
        released = true;
        this.#lent.delete(lease.path);
        // Undone before a teardown was asked of it: nobody else removes the link.
        if (stays === null && !this.#keepPlace()) return lease.release();
        if (stays === false) return;
        this.#kept -= 1;
        if (this.#closed) lease.release();
        else this.#idle.push(lease);
      },
    };
  }

  /** The links of all leases that are this runtime's. */
  held(): string[] {
    return [...this.#lent, ...this.#idle.map(({ path }) => path)];
  }

  /** Gives the idle ones back; the others follow when they are released. */
  close(): void {
    this.#closed = true;
    for (const lease of this.#idle.splice(0)) lease.release();
  }

  #keepPlace(): boolean {
    if (this.#closed || this.#idle.length + this.#kept >= maxIdle) return false;
    this.#kept += 1;
    return true;
  }
}
