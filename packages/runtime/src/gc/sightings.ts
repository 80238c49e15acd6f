/** Of what is kept for now, and what it was like when it was first seen so. */
interface Sighting {
  readonly firstMs: number;
  readonly mark: string;
  readonly run: number;
}

/**
 * What has no record and lives: removed once it was seen in two runs in a row that are far enough apart, the very same
 * each time. One run alone could have met it in the middle of something.
 */
export class Sightings {
  readonly #apartMs: number;
  #seen = new Map<string, Sighting>();

  constructor(apartMs: number) {
    this.#apartMs = apartMs;
  }

  /** Notes that it was seen in this run; true: it has been there for long enough. */
  note(id: string, mark: string, { run, nowMs }: { run: number; nowMs: number }): boolean {
    const before = this.#seen.get(id);
    const isSame = before !== undefined && before.mark === mark && before.run >= run - 1;
    const firstMs = isSame ? before.firstMs : nowMs;
    this.#seen.set(id, { firstMs, mark, run });
    return isSame && before.run < run && nowMs - firstMs >= this.#apartMs;
  }

  /** Those not seen in this run are gone. */
  endRun(run: number): void {
    for (const [id, sighting] of this.#seen) if (sighting.run < run) this.#seen.delete(id);
  }
}
