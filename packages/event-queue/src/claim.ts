/**
 * A right that exists once: of all parties racing to do something (a natural exit and a forced close, say) the one whose
 * `take()` returns true does it, always; the others touch nothing. For the parties of one thread.
 */
export class Claim {
  #taken = false;

  /** True exactly once. */
  take(): boolean {
    if (this.#taken) return false;
    this.#taken = true;
    return true;
  }
}
