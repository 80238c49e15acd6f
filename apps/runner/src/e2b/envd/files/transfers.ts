import { AbortError, type Sandbox } from '@hatchery/runtime';
import type { FastifyReply } from 'fastify';
import { EnvdError } from '../envd-error.ts';

/** At once, of one sandbox. Each may hold a mebibyte of this process for as long as its client takes nothing. */
const maxTransfers = 64;
const maxWaiting = 1000;

/** The places for transfers of one sandbox's files. Who waits for one holds nothing but a connection. */
class Places {
  #taken = 0;
  readonly #waiting = new Set<() => void>();

  /** Throws EnvdError 429 when too many wait. Rejects with ERR_ABORTED. */
  async take(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw new AbortError('a transfer', signal);
    if (this.#taken < maxTransfers) {
      this.#taken += 1;
      return;
    }
    if (this.#waiting.size >= maxWaiting)
      throw new EnvdError(
        429,
        `${maxTransfers} files of this sandbox are on their way, and ${maxWaiting} wait: try again later`,
      );
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    const onAbort = (): void => {
      // One that was given a place in this very moment has it, and gives it back at its close.
      if (this.#waiting.delete(resolve)) reject(new AbortError('a transfer', signal));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    await promise.finally(() => signal.removeEventListener('abort', onAbort));
  }

  /** To who waits longest, or back. */
  leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#taken -= 1;
    else {
      this.#waiting.delete(next);
      next();
    }
  }
}

const places = new WeakMap<Sandbox, Places>();

/**
 * Waits until content may move for a client, which has a place until its answer is at its end. Throws EnvdError 429 and
 * ERR_ABORTED.
 * @param signal fires when the client has gone
 */
export async function beginTransfer(sandbox: Sandbox, { raw }: FastifyReply, signal: AbortSignal): Promise<void> {
  let own = places.get(sandbox);
  if (own === undefined) places.set(sandbox, (own = new Places()));
  await own.take(signal);
  const leave = own.leave.bind(own);
  // One that went while it waited closes no more.
  if (signal.aborted) leave();
  else raw.once('close', leave);
}
