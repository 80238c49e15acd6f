import { createHash, randomBytes } from 'node:crypto';
import { BoxError } from '../box-error.ts';
import type { Box } from '../boxes/box.ts';

/** From the answer that names it to its use, by a client that connects at once. */
const lifetimeMs = 60_000;
/** Each is some hundred bytes; a client that never connects gets no further. */
const maxOpen = 10_000;
/** 256 bits that nobody guesses, in letters that a URI takes as they are. */
const tokenBytes = 32;

/** What a ticket opens, once. */
export interface TunnelPlace {
  readonly box: Box;
  readonly port: number;
}

interface Ticket extends TunnelPlace {
  /** A box that was stopped and started is another one for whoever had a ticket before. */
  readonly lifecycleId: string;
  readonly endsAt: number;
}

/** Tickets to a port of a box: whoever shows one within a minute is let in, once, and is asked for nothing else. */
export class TunnelTickets {
  /** By their hashes, so that looking one up tells nothing of the others; the oldest first, which end first. */
  readonly #byDigest = new Map<string, Ticket>();
  readonly #now: () => number;

  /** @param now milliseconds of a clock that never goes back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Throws BoxError resource_exhausted. */
  issue({ box, port }: TunnelPlace): string {
    this.#forgetEnded();
    if (this.#byDigest.size >= maxOpen)
      throw new BoxError(
        'resource_exhausted',
        `${maxOpen} tunnels wait for their clients to connect; try again in a minute`,
      );
    const token = randomBytes(tokenBytes).toString('base64url');
    const { lifecycleId } = box.sandbox;
    this.#byDigest.set(digestOf(token), { box, port, lifecycleId, endsAt: this.#now() + lifetimeMs });
    return token;
  }

  /** What it opens; it is used up by that. null: it is none, was used, has ended, or the box has been stopped since. */
  use(token: string): TunnelPlace | null {
    this.#forgetEnded();
    const digest = digestOf(token);
    const ticket = this.#byDigest.get(digest);
    this.#byDigest.delete(digest);
    return ticket === undefined || ticket.lifecycleId !== ticket.box.sandbox.lifecycleId ? null : ticket;
  }

  /** Those that can still be used. */
  get size(): number {
    this.#forgetEnded();
    return this.#byDigest.size;
  }

  #forgetEnded(): void {
    const now = this.#now();
    for (const [digest, { endsAt }] of this.#byDigest) {
      if (endsAt > now) return;
      this.#byDigest.delete(digest);
    }
  }
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}
