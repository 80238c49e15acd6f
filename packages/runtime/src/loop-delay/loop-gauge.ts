import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Logger } from '../types.ts';
import { listenToSections } from './section.ts';
import { type Blocker, Stretches } from './stretches.ts';

/** How late the event loop of the runtime's thread has come round, since the runtime was opened. In milliseconds. */
export interface LoopDelay {
  /** The median. */
  p50Ms: number;
  /** The 99th percentile. */
  p99Ms: number;
  /** The longest. */
  maxMs: number;
  /**
   * Who held it up longest at a stretch: a section of the runtime's (`drain`, `messages of init`, `subscriber <name>`, a
   * step of a create, …), or `outside hatchery`. null: nothing did for longer than 10 ms.
   */
  longest: {
    /** Of the section. */
    name: string;
    /** How long it took at a stretch. */
    ms: number;
  } | null;
}

export interface GaugeOptions {
  /** Delays over it are logged; null: none are. */
  readonly budgetMs: number | null;
  readonly logger: Logger;
  /** Between two lines in the log. */
  readonly reportEveryMs?: number;
}

/** Of the native timer: a delay shows by how much it is late. A stretch without one is no longer than it. */
const resolutionMs = 10;
const reportEveryMs = 10_000;

/** What was seen from a moment on: the kernel's view of the loop, and the runtime's of its own part in it. */
class Window {
  readonly delays: ReturnType<typeof monitorEventLoopDelay> = monitorEventLoopDelay({ resolution: resolutionMs });
  readonly stretches: Stretches = new Stretches(() => this.delays.count);

  constructor() {
    this.delays.enable();
  }

  get maxMs(): number {
    // The histogram misses a delay before its first tick.
    return Math.max(lateMs(this.delays.max), this.stretches.worst.totalMs - resolutionMs, 0);
  }

  /** null: no more than a tick's worth. */
  get longest(): Blocker | null {
    const { maxMs } = this;
    const { totalMs, blocker } = this.stretches.worst;
    if (maxMs <= resolutionMs) return null;
    const unknownMs = maxMs - totalMs;
    return unknownMs > blocker.ms ? { name: 'outside hatchery', ms: unknownMs } : blocker;
  }

  /** The next delay is not seen if it begins before the second tick. */
  reset(): void {
    this.delays.reset();
    this.stretches.forget();
  }
}

/**
 * Measures the delay of the event loop of this thread by a native timer (no JavaScript runs for it), and the sections of
 * the runtime that may be the cause. Nothing of it keeps the process alive.
 */
export class LoopGauge implements Disposable {
  readonly #options: GaugeOptions;
  readonly #whole = new Window();
  /** Since the last line in the log; of its own, because a reset hides what comes right after it. */
  readonly #recent: Window | null;
  readonly #timer: NodeJS.Timeout | null = null;
  readonly #listening: Disposable;

  constructor(options: GaugeOptions) {
    this.#options = options;
    this.#recent = options.budgetMs === null ? null : new Window();
    if (this.#recent !== null)
      this.#timer = setInterval(() => this.#report(), options.reportEveryMs ?? reportEveryMs).unref();
    this.#listening = listenToSections((name, ms) => {
      this.#whole.stretches.add(name, ms);
      this.#recent?.stretches.add(name, ms);
    });
  }

  read(): LoopDelay {
    const { delays, maxMs, longest } = this.#whole;
    return { p50Ms: lateMs(delays.percentile(50)), p99Ms: lateMs(delays.percentile(99)), maxMs, longest };
  }

  /** What was not told yet is told; the figures stay readable. */
  [Symbol.dispose](): void {
    this.#report();
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#listening[Symbol.dispose]();
    for (const window of [this.#whole, this.#recent]) window?.delays.disable();
  }

  #report(): void {
    const { budgetMs, logger } = this.#options;
    if (this.#recent === null || budgetMs === null) return;
    const { maxMs: delayMs, longest } = this.#recent;
    this.#recent.reset();
    if (delayMs <= budgetMs || longest === null) return;
    const context = { delayMs, budgetMs, blocker: longest.name, blockerMs: longest.ms };
    logger.warn(context, `the event loop was held up for ${Math.round(delayMs)} ms, longest by: ${longest.name}`);
  }
}

/** An empty histogram has 0. */
function lateMs(intervalNs: number): number {
  return Math.max(0, intervalNs / 1e6 - resolutionMs);
}
