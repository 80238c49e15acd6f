import type { Logger, SandboxState } from '@hatchery/runtime';
import type { Box } from './box.ts';

/** Before what could not be done is tried again. */
const retryMs = 5000;
/** Before a box that was on its way somewhere is looked at again. */
const lookMs = 1000;

const onTheWay: ReadonlySet<SandboxState> = new Set(['creating', 'starting', 'stopping']);

/**
 * When a box is stopped because nobody uses it, and when it is removed after a stop. Both are counted from what this process has
 * seen: after a restart of the server they begin anew. One timer, which is set again only when it has fired: uses come by the
 * thousand.
 */
export class Lifetime {
  readonly #box: Box;
  readonly #logger: Logger;
  readonly #closing: AbortSignal;
  #uses = 0;
  #idleSince = performance.now();
  #timer: NodeJS.Timeout | null = null;
  #acting: Promise<void> | null = null;

  constructor(box: Box, logger: Logger, closing: AbortSignal) {
    this.#box = box;
    this.#logger = logger;
    this.#closing = closing;
  }

  /** It is used until this is disposed of, once. */
  hold(): Disposable {
    this.#uses += 1;
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#uses -= 1;
        this.#idleSince = performance.now();
        if (this.#uses === 0 && this.#timer === null) this.plan();
      },
    };
  }

  /** Resolves when it is not being stopped or removed: who uses it then finds what has become of it. */
  async settled(): Promise<void> {
    await this.#acting;
  }

  /** Its run begins or ends: subscribers are told in the middle of that. */
  changes(): void {
    this.#idleSince = performance.now();
    this.#lookIn(lookMs);
  }

  /** Looks what is to come, and when. */
  plan(): void {
    this.#lookIn(this.#dueIn());
  }

  #lookIn(ms: number | null): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (ms === null || this.#closing.aborted) return;
    // A box keeps no server alive.
    this.#timer = setTimeout(() => this.#onTimer(), Math.max(0, Math.ceil(ms))).unref();
  }

  /** Milliseconds; null: nothing is to come before something changes. */
  #dueIn(): number | null {
    const { sandbox, details } = this.#box;
    const { autoStop, autoDelete } = details;
    // Also of one that is stopped: somebody is about to start it.
    if (this.#uses > 0) return null;
    if (sandbox.state === 'running')
      return autoStop === 0 ? null : this.#idleSince + autoStop * 1000 - performance.now();
    if (sandbox.state === 'stopped')
      return autoDelete === 0 ? null : sandbox.stateSince.getTime() + autoDelete * 1000 - Date.now();
    return onTheWay.has(sandbox.state) ? lookMs : null;
  }

  #onTimer(): void {
    this.#timer = null;
    if (this.#closing.aborted) return;
    const ms = this.#dueIn();
    const { sandbox } = this.#box;
    if (ms === null) return;
    if (ms > 0) this.#lookIn(ms);
    else if (sandbox.state === 'running') this.#do('stopped for want of use', () => sandbox.stop());
    else this.#do('removed after its stop', () => sandbox.destroy());
  }

  #do(what: string, act: () => Promise<void>): void {
    const { id: sandboxId } = this.#box;
    this.#logger.info({ sandboxId }, `a box is ${what}`);
    this.#acting = act().then(
      () => this.plan(),
      (error: unknown) => {
        this.#logger.error({ err: error, sandboxId }, `a box could not be ${what}`);
        this.#lookIn(retryMs);
      },
    );
  }
}
