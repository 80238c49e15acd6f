import { Demand } from '../pool/demand.ts';
import { Lull } from '../pool/lull.ts';
import type { Logger } from '../types.ts';
import type { TakenSlot } from './taken-slot.ts';

/** What slots are made ahead by. */
export interface ReadySlotsHost {
  /** One that reaches nothing. Rejects when it could not be made, with nothing left. */
  make(): Promise<TakenSlot>;
  /** Gives one back that nobody was in. Never rejects. */
  giveBack(slot: TakenSlot): Promise<void>;
  nowMs(): number;
  readonly logger: Logger;
}

/** What was asked for within this time is kept ready. */
const windowMs = 600_000;
const lullMs = 10;

/**
 * Slots made ahead of the sandboxes that are made on demand, each used once: as many as were asked for lately, `ceiling` at
 * most. They are made one at a time, and only in a lull of creates and ends. After a failure none is made until somebody asks.
 */
export class ReadySlots {
  readonly #host: ReadySlotsHost;
  readonly #ceiling: number;
  readonly #demand: Demand;
  readonly #lull: Lull;
  /** Oldest first. */
  readonly #ready: TakenSlot[] = [];
  #work: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #hasFailed = false;
  #isClosed = false;

  constructor(host: ReadySlotsHost, ceiling: number) {
    this.#host = host;
    this.#ceiling = ceiling;
    this.#demand = new Demand(windowMs, ceiling);
    this.#lull = new Lull(lullMs, () => this.#begin());
  }

  /** What hurries: no slot is made before it is over. */
  during<T>(work: Promise<T>): Promise<T> {
    return this.#lull.during(work);
  }

  /** The caller's from now on; null: there is none. Either way it has been asked for. */
  take(): TakenSlot | null {
    if (this.#isClosed) return null;
    this.#demand.note(this.#host.nowMs());
    this.#hasFailed = false;
    const slot = this.#ready.pop() ?? null;
    this.#plan();
    return slot;
  }

  /** Those that nobody is in yet. */
  ready(): readonly TakenSlot[] {
    return this.#ready;
  }

  /** One is being made, or given back. */
  get isWorking(): boolean {
    return this.#work !== null;
  }

  /** Gives all of them back; none is made any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#lull.close();
    this.#stopTimer();
    await this.#work;
    await Promise.all(this.#ready.splice(0).map((slot) => this.#host.giveBack(slot)));
  }

  get #missing(): number {
    return Math.min(this.#ceiling, this.#demand.count(this.#host.nowMs())) - this.#ready.length;
  }

  #plan(): void {
    this.#stopTimer();
    if (this.#isClosed || this.#work !== null) return;
    const missing = this.#missing;
    if (missing < 0 || (missing > 0 && !this.#hasFailed)) return this.#lull.want();
    const dueMs = this.#demand.nextMs();
    if (dueMs === null) return;
    this.#timer = setTimeout(() => this.#plan(), dueMs - this.#host.nowMs() + 1);
    this.#timer.unref();
  }

  #begin(): void {
    this.#work = this.#workOn().finally(() => {
      this.#work = null;
      this.#plan();
    });
  }

  /** As long as the lull lasts. */
  async #workOn(): Promise<void> {
    while (!this.#isClosed && this.#lull.isCalm && !this.#hasFailed) {
      const missing = this.#missing;
      if (missing === 0) return;
      if (missing > 0) await this.#make();
      else await this.#drop();
    }
  }

  async #make(): Promise<void> {
    try {
      this.#ready.push(await this.#host.make());
    } catch (err) {
      this.#hasFailed = true;
      this.#host.logger.debug({ err }, 'a network slot could not be made ahead; creates make their own');
    }
  }

  async #drop(): Promise<void> {
    const slot = this.#ready.shift();
    if (slot !== undefined) await this.#host.giveBack(slot);
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
