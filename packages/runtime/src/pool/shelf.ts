import { Demand } from './demand.ts';
import type { ParkedSandbox } from './parked-sandbox.ts';
import type { Shape } from './shape.ts';

const firstPauseMs = 1000;
const longestPauseMs = 60_000;

/** What the pool has and knows of one shape. */
export class Shelf {
  readonly shape: Shape;
  readonly demand: Demand;
  /** Oldest first. */
  readonly parked: ParkedSandbox[] = [];
  #failures = 0;
  #pausedUntilMs = 0;

  constructor(shape: Shape, demand: Demand) {
    this.shape = shape;
    this.demand = demand;
  }

  /** Nothing of it is made before; each failure in a row doubles the pause. */
  get pausedUntilMs(): number {
    return this.#pausedUntilMs;
  }

  /** Returns how many failures there were in a row. */
  failed(nowMs: number): number {
    this.#pausedUntilMs = nowMs + Math.min(longestPauseMs, firstPauseMs * 2 ** this.#failures);
    this.#failures += 1;
    return this.#failures;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#pausedUntilMs = 0;
  }
}
