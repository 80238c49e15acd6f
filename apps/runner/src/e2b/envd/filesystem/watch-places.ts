import { readFileSync } from 'node:fs';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Sandbox } from '@hatchery/runtime';

/** Of one sandbox. */
const maxOfSandbox = 16;

/**
 * How many watches there may be. Each is an inotify instance of this process, of which the kernel gives all that root runs
 * on the host `fs.inotify.max_user_instances`: clients have half of them, and no sandbox more than 16.
 */
export class WatchPlaces {
  readonly #most: number;
  readonly #ofSandbox = new WeakMap<Sandbox, number>();
  #taken = 0;

  constructor(most: number = halfOfInstances()) {
    this.#most = most;
  }

  /** Returns what gives the place back; a second time does nothing. Throws `resource_exhausted`. */
  take(sandbox: Sandbox): () => void {
    const own = this.#ofSandbox.get(sandbox) ?? 0;
    if (own >= maxOfSandbox) throw full(`${maxOfSandbox} watches of this sandbox already: end one of them`);
    if (this.#taken >= this.#most) throw full(`${this.#most} watches on this host already: try again later`);
    this.#add(sandbox, 1);
    let isTaken = true;
    return () => {
      if (isTaken) this.#add(sandbox, -1);
      isTaken = false;
    };
  }

  #add(sandbox: Sandbox, count: number): void {
    this.#taken += count;
    this.#ofSandbox.set(sandbox, (this.#ofSandbox.get(sandbox) ?? 0) + count);
  }
}

function full(text: string): ConnectError {
  return new ConnectError(`there are ${text}`, Code.ResourceExhausted);
}

function halfOfInstances(): number {
  return Math.floor(Number(readFileSync('/proc/sys/fs/inotify/max_user_instances', 'utf8')) / 2);
}
