import { hasNothing, isOutOfPlace } from '../census/found-object.ts';
import { mountObjects } from '../census/mount-objects.ts';
import type { CensusScope } from '../census/scope.ts';
import { HatcheryError } from '../errors.ts';
import type { GcResult } from '../types.ts';
import { Attempts, maxAttempts } from './attempts.ts';
import type { CollectorHost } from './collector-host.ts';
import { lookAtDebris } from './debris-look.ts';
import { findDebris } from './find-debris.ts';
import { judgeDebris } from './judge-debris.ts';
import { releaseRanges } from './release-ranges.ts';
import { Sightings } from './sightings.ts';

export interface CleanUpOptions {
  /** Between the first and the last sighting of what lives without a record, before it is removed. */
  readonly quarantineMs: number;
  /** A clean-up that takes longer is left alone: this run goes on without it, and the next one does not begin it again. */
  readonly patienceMs: number;
  readonly nowMs: () => number;
}

/** What a collector has done since it was made. */
export interface GcCounters {
  runs: number;
  removed: number;
  /** Attempts that failed. */
  failures: number;
  /** How often something was put into quarantine. */
  quarantined: number;
}

interface Run {
  readonly number: number;
  readonly force: boolean;
  readonly scope: CensusScope;
  readonly removed: string[];
  readonly kept: Map<string, string>;
}

/** Clean-ups at a time: workers are for destroys first. */
const atATime = 2;

/** One run after the other over all debris of an instance; what it remembers between them is in here. */
export class CleanUp {
  readonly counters: GcCounters = { runs: 0, removed: 0, failures: 0, quarantined: 0 };
  readonly #host: CollectorHost;
  readonly #options: CleanUpOptions;
  readonly #attempts = new Attempts();
  readonly #sightings: Sightings;
  readonly #stopped = Promise.withResolvers<'stopped'>();
  readonly #underWay = new Set<string>();
  #isStopped = false;
  #kept: ReadonlyMap<string, string> = new Map();

  constructor(host: CollectorHost, options: CleanUpOptions) {
    this.#host = host;
    this.#options = options;
    this.#sightings = new Sightings(options.quarantineMs);
  }

  /** What is kept for now, and why. */
  get quarantined(): ReadonlyMap<string, string> {
    return this.#kept;
  }

  /** When a failed clean-up is due again; null: none is. */
  get nextAttemptMs(): number | null {
    return this.#attempts.nextMs();
  }

  /** Whatever runs begins nothing more, and waits for nothing. */
  stop(): void {
    this.#isStopped = true;
    this.#stopped.resolve('stopped');
  }

  /** @param force tries what has failed again, due or given up */
  async run(force: boolean): Promise<GcResult> {
    this.#host.requireLock();
    await this.#host.verifyNetwork();
    const number = ++this.counters.runs;
    const run: Run = { number, force, scope: await this.#host.scope(), removed: [], kept: new Map() };
    const debris = await findDebris(run.scope, this.#host.ledger);
    const failed = [...this.#host.unfinished()];
    this.#attempts.keepOnly(new Set([...debris, ...failed]));
    const tasks = [
      ...failed.map((id) => ({ id, act: () => this.#finish(id, run) })),
      ...debris.map((id) => ({ id, act: () => this.#host.locks.run(id, () => this.#settle(id, run)) })),
    ];
    const next = async (): Promise<void> => {
      for (let task = tasks.shift(); task !== undefined && !this.#isStopped; task = tasks.shift())
        await this.#withPatience(task, run);
    };
    await Promise.all(Array.from({ length: atATime }, next));
    this.#sightings.endRun(number);
    await this.#releaseRanges(run);
    await this.#tellMounts(run);
    return this.#endRun(run);
  }

  async #releaseRanges(run: Run): Promise<void> {
    const { ledger } = this.#host;
    // Also what is waiting for its next attempt.
    const left = await findDebris(run.scope, ledger);
    const isAnyDebrisLeft = left.length > 0 || this.#underWay.size > 0;
    // Debris may be in a slot that nobody here can tell from one without an owner.
    if (!isAnyDebrisLeft) for (const name of await this.#host.sweepNetwork()) this.#removed(name, run);
    const { released, kept } = await releaseRanges(run.scope, ledger, { isAnyDebrisLeft });
    for (const path of released) this.#removed(path, run);
    for (const path of kept) run.kept.set(path, 'ids that debris may still use');
  }

  /** The kernel lets go of a mount or of a loop device with its last user: who that is nobody here can tell. */
  async #tellMounts({ scope, kept }: Run): Promise<void> {
    for (const mount of await mountObjects(scope))
      if (isOutOfPlace(mount, this.#host.ledger) && mount.isThere()) kept.set(mount.what, 'no sandbox has it mounted');
  }

  #endRun({ removed, kept }: Run): GcResult {
    const before = this.#kept;
    for (const [id, why] of kept) {
      if (before.get(id) === why) continue;
      if (!before.has(id)) this.counters.quarantined++;
      this.#host.logger.warn({ sandboxId: id, why }, 'kept in quarantine by the collector');
    }
    this.#kept = kept;
    return { removed: removed.toSorted(), quarantined: [...kept.keys()].toSorted() };
  }

  /** A task never rejects; one that hangs holds up neither this run nor, by its own lock, anybody else. */
  async #withPatience({ id, act }: { id: string; act: () => Promise<void> }, run: Run): Promise<void> {
    const { promise: over, resolve } = Promise.withResolvers<'over'>();
    if (!this.#underWay.has(id)) {
      this.#underWay.add(id);
      const timer = setTimeout(resolve, this.#options.patienceMs, 'over');
      const work = act()
        .catch((error: unknown) => this.#failed(id, error, run))
        .finally(() => {
          clearTimeout(timer);
          this.#underWay.delete(id);
        });
      const which = await Promise.race([work, over, this.#stopped.promise]);
      if (which === 'stopped') clearTimeout(timer);
      if (which !== 'over') return;
    }
    run.kept.set(id, 'its clean-up has begun and does not end');
  }

  async #finish(id: string, run: Run): Promise<void> {
    if (this.#mayTry(id, run)) await this.#try(id, run, () => this.#host.finish(id));
  }

  /** With the lock held, so what is seen is what is removed. */
  async #settle(id: string, run: Run): Promise<void> {
    const { ledger, records } = this.#host;
    // Created since it was found.
    if (!hasNothing(id, ledger)) return;
    const look = await lookAtDebris(run.scope, records, id);
    const { act, why } = judgeDebris(look);
    if (act === 'nothing') return this.#attempts.succeed(id);
    const sighting = { run: run.number, nowMs: this.#options.nowMs() };
    const isDue = act === 'remove' || (act === 'watch' && this.#sightings.note(id, look.mark, sighting));
    if (!isDue) run.kept.set(id, why);
    else if (this.#mayTry(id, run)) await this.#try(id, run, () => this.#remove(id, run));
  }

  async #remove(id: string, run: Run): Promise<void> {
    this.#host.requireLock();
    await this.#host.teardownDebris(id);
    const { paths } = await lookAtDebris(run.scope, this.#host.records, id);
    if (paths.length > 0)
      throw new HatcheryError('ERR_RESOURCES', `removal of debris ${id}: ${paths.join(', ')} is still there`);
  }

  async #try(id: string, run: Run, act: () => Promise<void>): Promise<void> {
    await act();
    this.#attempts.succeed(id);
    this.#removed(id, run);
  }

  #removed(name: string, run: Run): void {
    run.removed.push(name);
    this.counters.removed++;
    this.#host.logger.info({ name }, 'debris was removed');
  }

  /** What was given up is quarantined; what is not yet due waits. */
  #mayTry(id: string, run: Run): boolean {
    if (run.force || this.#attempts.isDue(id, this.#options.nowMs())) return true;
    this.#keepGivenUp(id, run);
    return false;
  }

  #failed(id: string, error: unknown, run: Run): void {
    const reason = error instanceof Error ? error.message : String(error);
    const count = this.#attempts.fail(id, reason, this.#options.nowMs());
    this.counters.failures++;
    this.#host.logger.warn({ err: error, sandboxId: id, attempt: count }, 'a clean-up failed');
    this.#keepGivenUp(id, run);
  }

  #keepGivenUp(id: string, run: Run): void {
    if (!this.#attempts.isGivenUp(id)) return;
    run.kept.set(id, `its clean-up failed ${maxAttempts} times or more, at last: ${this.#attempts.reason(id)}`);
  }
}
