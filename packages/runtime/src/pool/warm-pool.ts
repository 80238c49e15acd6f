import type { Logger, PoolStats } from '../types.ts';
import { Demand } from './demand.ts';
import { Leftovers } from './leftovers.ts';
import { Lull } from './lull.ts';
import type { ParkedSandbox } from './parked-sandbox.ts';
import type { Shape } from './shape.ts';
import { Shelf } from './shelf.ts';

export interface PoolOptions {
  /** Kept ready of the shape that was asked for last, whether or not anybody asks. */
  readonly floor: number;
  /** Of all shapes together. */
  readonly ceiling: number;
}

/** What the pool does its work by. */
export interface PoolHost {
  /** Makes one and hands it over while its id is still locked; rejects when it could not be made, with nothing left. */
  park(shape: Shape, onParked: (parked: ParkedSandbox) => void): Promise<void>;
  /** Rejects when something is left; it can be called again. */
  discard(parked: ParkedSandbox): Promise<void>;
  /** `onDead` when its init dies while nobody has it. */
  watch(parked: ParkedSandbox, onDead: () => void): void;
  nowMs(): number;
  readonly logger: Logger;
}

/** What was asked for within this time is kept ready. */
const windowMs = 600_000;
/** A create is followed by a command, and a person's next one comes later than this. */
const lullMs = 10;

/**
 * Parked sandboxes, made ahead of the creates that take them, each used once. Of each shape as many as were asked for
 * lately, the youngest shapes first, `ceiling` in all. They are made one at a time, and only in a lull of creates and ends.
 */
export class WarmPool {
  readonly #host: PoolHost;
  readonly #options: PoolOptions;
  readonly #lull: Lull;
  /** By key; the shape that was asked for last comes last. */
  readonly #shelves = new Map<string, Shelf>();
  readonly #leftovers = new Leftovers();
  #work: Promise<unknown> = Promise.resolve();
  #isWorking = false;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;
  #taken = 0;
  #missed = 0;
  #made = 0;
  #failures = 0;

  constructor(host: PoolHost, options: PoolOptions) {
    this.#host = host;
    this.#options = options;
    this.#lull = new Lull(lullMs, () => this.#begin());
  }

  /** What hurries: the pool does nothing before it is over. */
  during<T>(work: Promise<T>): Promise<T> {
    return this.#lull.during(work);
  }

  /** One of that shape, the caller's from now on; null: there is none. Either way it has been asked for. */
  take(shape: Shape): ParkedSandbox | null {
    if (this.#isClosed || this.#options.ceiling === 0) return null;
    const shelf = this.#use(shape);
    shelf.demand.note(this.#host.nowMs());
    const parked = shelf.parked.pop() ?? null;
    if (parked === null) this.#missed += 1;
    else this.#taken += 1;
    this.#plan();
    return parked;
  }

  /** The floor is kept of this shape until one is asked for; one that was asked for meanwhile knows better. */
  expect(shape: Shape): void {
    if (this.#isClosed || this.#shelves.size > 0) return;
    this.#use(shape);
    this.#plan();
  }

  /** What is the pool's: ready ones, and those that it could not remove. */
  *parked(): Generator<ParkedSandbox> {
    yield* this.#ready();
    yield* this.#leftovers;
  }

  /** Of one that was taken, and then could not be removed: the pool tries again. */
  keepLeftover(parked: ParkedSandbox): void {
    this.#leftovers.add(parked, this.#host.nowMs());
    this.#plan();
  }

  stats(): PoolStats {
    const parked = [...this.#ready()].length;
    const missing = [...this.#targets()].reduce((sum, [shelf, n]) => sum + Math.max(0, n - shelf.parked.length), 0);
    return { parked, missing, taken: this.#taken, missed: this.#missed, made: this.#made, failures: this.#failures };
  }

  /** Ends all of them. Resolves with what could not be removed; nothing is taken or made any more. */
  async close(): Promise<unknown[]> {
    this.#isClosed = true;
    this.#lull.close();
    this.#stopTimer();
    await this.#work;
    const all = [...this.#ready()];
    this.#shelves.clear();
    const ends = await Promise.allSettled(all.map((parked) => this.#host.discard(parked)));
    const failures = ends.filter((end) => end.status === 'rejected').map(({ reason }) => reason as unknown);
    return [...failures, ...(await this.#retry())];
  }

  *#ready(): Generator<ParkedSandbox> {
    for (const shelf of this.#shelves.values()) yield* shelf.parked;
  }

  #retry(): Promise<unknown[]> {
    return this.#leftovers.retry((parked) => this.#host.discard(parked), this.#host.nowMs());
  }

  #isRetryDue(): boolean {
    return (this.#leftovers.dueMs() ?? Number.POSITIVE_INFINITY) <= this.#host.nowMs();
  }

  #use(shape: Shape): Shelf {
    const shelf = this.#shelves.get(shape.key) ?? new Shelf(shape, new Demand(windowMs, this.#options.ceiling));
    this.#shelves.delete(shape.key);
    // Its name leads elsewhere now: nobody can ask for what it led to any more.
    for (const other of this.#shelves.values())
      if (other.shape.imageName === shape.imageName && other.shape.imageKey !== shape.imageKey) other.demand.end();
    this.#shelves.set(shape.key, shelf);
    return shelf;
  }

  /** How many of each shall be there, under the one ceiling. */
  *#targets(): Generator<[Shelf, number]> {
    const nowMs = this.#host.nowMs();
    let left = this.#options.ceiling;
    let { floor } = this.#options;
    for (const shelf of [...this.#shelves.values()].reverse()) {
      const target = Math.min(left, Math.max(floor, shelf.demand.count(nowMs)));
      yield [shelf, target];
      left -= target;
      floor = 0;
    }
  }

  #next(): { readonly act: 'make' | 'drop'; readonly shelf: Shelf } | null {
    const nowMs = this.#host.nowMs();
    const targets = [...this.#targets()];
    const full = targets.find(([shelf, target]) => shelf.parked.length > target);
    // First: what is made stays under the ceiling.
    if (full !== undefined) return { act: 'drop', shelf: full[0] };
    const bare = targets.find(([shelf, target]) => shelf.parked.length < target && shelf.pausedUntilMs <= nowMs);
    return bare === undefined ? null : { act: 'make', shelf: bare[0] };
  }

  /** Sees to it that the next thing there is to do is done at the next lull, or in its time. */
  #plan(): void {
    this.#stopTimer();
    if (this.#isClosed || this.#isWorking) return;
    if (this.#isRetryDue() || this.#next() !== null) return this.#lull.want();
    const nowMs = this.#host.nowMs();
    const dues = [...this.#shelves.values()].flatMap(({ demand, pausedUntilMs }) => [
      demand.nextMs() ?? 0,
      pausedUntilMs,
    ]);
    const nextMs = Math.min(...[...dues, this.#leftovers.dueMs() ?? 0].filter((due) => due > nowMs));
    if (nextMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#plan(), nextMs - nowMs + 1);
    this.#timer.unref();
  }

  #begin(): void {
    this.#isWorking = true;
    const work = this.#workOn().finally(() => {
      this.#isWorking = false;
      this.#plan();
    });
    // Without what they resolve with: it would hold the one before, and that the one before it.
    this.#work = Promise.all([this.#work, work]).then(() => {});
  }

  /** One thing after the other, as long as the lull lasts. */
  async #workOn(): Promise<void> {
    if (this.#isRetryDue()) await this.#retry();
    for (let next = this.#next(); next !== null; next = this.#next()) {
      if (this.#isClosed || !this.#lull.isCalm) return;
      if (next.act === 'drop') await this.#drop(next.shelf);
      else await this.#make(next.shelf);
    }
    for (const [key, shelf] of this.#shelves)
      if (shelf.parked.length === 0 && shelf.demand.count(this.#host.nowMs()) === 0) this.#forget(key);
  }

  /** The last one keeps the floor. */
  #forget(key: string): void {
    if ([...this.#shelves.keys()].at(-1) !== key) this.#shelves.delete(key);
  }

  async #make(shelf: Shelf): Promise<void> {
    try {
      await this.#host.park(shelf.shape, (parked) => {
        this.#host.watch(parked, () => this.#lost(shelf, parked));
        shelf.parked.push(parked);
        this.#made += 1;
      });
      shelf.succeeded();
    } catch (err) {
      if (this.#isClosed) return;
      this.#failures += 1;
      const failures = shelf.failed(this.#host.nowMs());
      const about = { err, image: shelf.shape.imageName, failures };
      if (failures === 1) this.#host.logger.warn(about, 'a sandbox could not be made ahead; creates go on without');
      else this.#host.logger.debug(about, 'a sandbox could not be made ahead');
    }
  }

  async #drop(shelf: Shelf): Promise<void> {
    const parked = shelf.parked.shift();
    if (parked !== undefined) await this.#discard(parked);
  }

  async #discard(parked: ParkedSandbox): Promise<void> {
    try {
      await this.#host.discard(parked);
    } catch (err) {
      this.#leftovers.add(parked, this.#host.nowMs());
      this.#host.logger.warn({ err, sandboxId: parked.id }, 'a parked sandbox could not be removed; it is tried again');
    }
  }

  #lost(shelf: Shelf, parked: ParkedSandbox): void {
    const index = shelf.parked.indexOf(parked);
    // Somebody has it.
    if (index < 0 || this.#isClosed) return;
    shelf.parked.splice(index, 1);
    this.#failures += 1;
    shelf.failed(this.#host.nowMs());
    this.#host.logger.warn({ sandboxId: parked.id }, 'a parked sandbox lost its init');
    this.#work = Promise.all([this.#work, this.#lull.during(this.#discard(parked))]).then(() => this.#plan());
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
