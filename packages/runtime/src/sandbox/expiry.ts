import type { Deadline } from '../instance/record.ts';
import { monotonicMs } from '../monotonic.ts';

/** Before what could not be done at a deadline is tried again. */
const retryMs = 5000;

/** Milliseconds from now. */
export function deadlineIn(timeoutMs: number): Deadline {
  return { monotonicMs: monotonicMs() + timeoutMs, wall: new Date(Date.now() + timeoutMs).toISOString() };
}

/** When a sandbox's time is up: one timer on the monotonic clock, which a wall clock that is set does not move. */
export class Expiry {
  readonly #onExpired: () => void;
  #deadline: Deadline | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(onExpired: () => void) {
    this.#onExpired = onExpired;
  }

  get deadline(): Deadline | null {
    return this.#deadline;
  }

  /** null: never. */
  get expiresAt(): Date | null {
    return this.#deadline === null ? null : new Date(this.#deadline.wall);
  }

  /** Whether it is up now: whoever acts on it asks again under the sandbox's lock, for it may have been put off. */
  get isUp(): boolean {
    return this.#deadline !== null && this.#deadline.monotonicMs <= monotonicMs();
  }

  /** Milliseconds from now; null: never. */
  set(timeoutMs: number | null): void {
    this.restore(timeoutMs === null ? null : deadlineIn(timeoutMs));
  }

  /** As an earlier runner set it, in the same boot of the kernel. */
  restore(deadline: Deadline | null): void {
    this.stop();
    this.#deadline = deadline;
    if (deadline === null) return;
    const remainingMs = Math.max(0, Math.ceil(deadline.monotonicMs - monotonicMs()));
    this.#timer = setTimeout(() => this.#onTimer(), remainingMs);
    // A sandbox alone keeps no program alive; its runtime does.
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#deadline = null;
  }

  /** What was due at the deadline could not be done, or nobody could be asked then. */
  again(): void {
    if (this.#deadline === null || this.#timer !== null) return;
    this.#timer = setTimeout(() => this.#onTimer(), retryMs);
    this.#timer.unref();
  }

  /** A timer may fire a little early by the clock that counts. */
  #onTimer(): void {
    this.#timer = null;
    if (this.isUp) this.#onExpired();
    else this.restore(this.#deadline);
  }
}
