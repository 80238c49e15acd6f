import { setTimeout as setTimer } from 'node:timers';
import { RuntimeClosedError } from '../errors.ts';
import type { GcResult } from '../types.ts';
import { CleanUp, type GcCounters } from './clean-up.ts';
import type { CollectorHost } from './collector-host.ts';

export interface CollectorOptions {
  /** From the end of a run to the next one that nobody asks for. */
  readonly intervalMs: number;
  /** Between the sightings of what lives without a record, before it is removed. */
  readonly quarantineMs: number;
  /** For which a run waits for one clean-up. Default 30,000. */
  readonly patienceMs?: number;
}

/** However soon a failed clean-up is due again. */
const shortestPauseMs = 1000;

/**
 * Brings what is on the machine in line with the table: now and then, and when asked. Its timer keeps no process alive.
 * The rule by which debris is removed or kept is in docs/crash-safety.md.
 */
export class Collector {
  readonly #host: CollectorHost;
  readonly #cleanUp: CleanUp;
  readonly #intervalMs: number;
  #running: Promise<void> | null = null;
  #next: Promise<GcResult> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isStarted = false;
  #isClosed = false;

  constructor(host: CollectorHost, { intervalMs, quarantineMs, patienceMs = 30_000 }: CollectorOptions) {
    this.#host = host;
    this.#intervalMs = intervalMs;
    this.#cleanUp = new CleanUp(host, { quarantineMs, patienceMs, nowMs: () => performance.now() });
  }

  /** Runs by itself from now on: once the instance has been adopted, which until then looks like debris. */
  start(): void {
    this.#isStarted = true;
    this.#schedule();
  }

  get counters(): Readonly<GcCounters> {
    return this.#cleanUp.counters;
  }

  /** What is kept for now, with the reasons. */
  get quarantined(): ReadonlyMap<string, string> {
    return this.#cleanUp.quarantined;
  }

  /**
   * Removes what debris can be removed; what has failed before is tried once more. Whoever asks during a run gets the next
   * one, which sees what is there now. Rejects with ERR_CENSUS when it could not be seen what there is, and with
   * ERR_RUNTIME_CLOSED.
   */
  collect(): Promise<GcResult> {
    if (this.#running === null) return this.#begin(true);
    this.#next ??= this.#running.then(() => {
      this.#next = null;
      return this.#begin(true);
    });
    return this.#next;
  }

  /** Ends the timer and the run that is under way, which begins nothing more and waits for nothing. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cleanUp.stop();
    if (this.#timer !== null) clearTimeout(this.#timer);
    while (this.#running !== null) await this.#running;
  }

  #begin(force: boolean): Promise<GcResult> {
    if (this.#isClosed) return Promise.reject(new RuntimeClosedError('runtime.gc()'));
    const work = this.#cleanUp.run(force).finally(() => {
      this.#running = null;
      this.#schedule();
    });
    // For those who only wait for its end.
    this.#running = work.then(
      () => {},
      () => {},
    );
    return work;
  }

  #schedule(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#isClosed || !this.#isStarted) return;
    const dueMs = this.#cleanUp.nextAttemptMs;
    const pauseMs = dueMs === null ? this.#intervalMs : Math.max(shortestPauseMs, dueMs - performance.now());
    this.#timer = setTimer(() => this.#onTime(), Math.min(this.#intervalMs, pauseMs)).unref();
  }

  #onTime(): void {
    this.#timer = null;
    if (this.#running !== null) return;
    this.#begin(false).catch((error: unknown) =>
      this.#host.logger.error({ err: error }, 'the collector could not see what there is'),
    );
  }
}
