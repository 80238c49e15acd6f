/** How long a watch may keep its thread, which others have their handles in, before it lets them have a turn. */
const SLICE_MS = 4;

/** Cuts long work into slices. */
export class WatchPace {
  #sliceEnd = 0;

  /** Begins a slice; what is waited for meanwhile is not counted. */
  begin(): void {
    this.#sliceEnd = performance.now() + SLICE_MS;
  }

  get due(): boolean {
    return performance.now() >= this.#sliceEnd;
  }

  async pause(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.begin();
  }
}
