/** What a sandbox uses at a moment. A figure that the host does not count is undefined. */
export interface UsageSample {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Of all its processors together, 0 to 100, since the sample before. */
  readonly cpuUsedPct: number | undefined;
  /** Bytes, without those of the page cache. */
  readonly memUsed: number | undefined;
  readonly memCache: number | undefined;
  readonly diskUsed: number;
  readonly diskTotal: number;
}

/** An hour at a sample each five seconds. */
const capacity = 720;
const fields = 6;

/** The last samples of one sandbox, in 35 KB at most. */
export class UsageHistory {
  #values = new Float64Array(0);
  #count = 0;

  add({ at, cpuUsedPct, memUsed, memCache, diskUsed, diskTotal }: UsageSample): void {
    const place = (this.#count % capacity) * fields;
    if (place >= this.#values.length) this.#grow();
    const absent = Number.NaN;
    this.#values.set([at, cpuUsedPct ?? absent, memUsed ?? absent, memCache ?? absent, diskUsed, diskTotal], place);
    this.#count += 1;
  }

  get newest(): UsageSample | null {
    return this.#count === 0 ? null : this.#sample(this.#count - 1);
  }

  /** In the order of their time. */
  all(): UsageSample[] {
    const first = Math.max(0, this.#count - capacity);
    return Array.from({ length: this.#count - first }, (_, index) => this.#sample(first + index));
  }

  #sample(index: number): UsageSample {
    const place = (index % capacity) * fields;
    const [at = 0, cpu, used, cache, diskUsed = 0, diskTotal = 0] = this.#values.subarray(place, place + fields);
    const told = (value: number | undefined): number | undefined => (Number.isNaN(value) ? undefined : value);
    return { at, cpuUsedPct: told(cpu), memUsed: told(used), memCache: told(cache), diskUsed, diskTotal };
  }

  #grow(): void {
    const larger = new Float64Array(Math.min(capacity * fields, Math.max(16 * fields, this.#values.length * 2)));
    larger.set(this.#values);
    this.#values = larger;
  }
}
