import { randomInt } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readlinkSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { addressText } from './address.ts';
import { NetworkError } from './network-error.ts';

const step = 'lease an address';
const triesWithoutList = 16;

/**
 * Pairs of addresses that nobody else on this machine has. Each lease is a symbolic link named after the pair's first
 * address and pointing to its owner: symlink(2) makes both in one step, so no crash leaves a lease without an owner.
 */
export class Leases {
  readonly #directory: string;
  /** A random start, and next-fit from there: an address is used again as late as possible. */
  #next = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The number of a free pair of the range's. Throws ERR_NETWORK_RANGE when all are taken. */
  take(first: number, pairs: number, owner: string): number {
    this.#prepare();
    if (this.#next === 0) this.#next = randomInt(pairs);
    // The list is long where much is taken, and not needed where little is.
    let taken: ReadonlySet<string> = new Set();
    for (let tried = 0; tried < pairs; tried++) {
      if (tried === triesWithoutList) taken = new Set(readdirSync(this.#directory));
      const pair = this.#next++ % pairs;
      const name = addressText(first + 2 * pair);
      if (!taken.has(name) && this.#link(name, owner)) return pair;
    }
    throw new NetworkError(
      'ERR_NETWORK_RANGE',
      step,
      `all ${pairs} pairs of the range are taken in ${this.#directory}; destroy sandboxes, or give a larger addressRange`,
    );
  }

  /** The lease of a slot that outlived its runner, which an operator may have removed. False: somebody else has it. */
  retake(firstOfPair: number, instanceDirectory: string): boolean {
    this.#prepare();
    const name = addressText(firstOfPair);
    return this.#link(name, instanceDirectory) || this.#isOf(name, instanceDirectory);
  }

  give(firstOfPair: number): void {
    try {
      unlinkSync(join(this.#directory, addressText(firstOfPair)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw failed(error);
    }
  }

  /** First addresses of the pairs that belong to an instance: its directory, or something in it, is the owner. */
  of(instanceDirectory: string): string[] {
    let names: string[];
    try {
      names = readdirSync(this.#directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw failed(error);
    }
    return names.filter((name) => this.#isOf(name, instanceDirectory));
  }

  #isOf(name: string, instanceDirectory: string): boolean {
    try {
      const owner = readlinkSync(join(this.#directory, name));
      return owner === instanceDirectory || owner.startsWith(`${instanceDirectory}/`);
    } catch {
      return false; // given back meanwhile
    }
  }

  /** False: it is taken. */
  #link(name: string, owner: string): boolean {
    try {
      symlinkSync(owner, join(this.#directory, name));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw failed(error);
    }
  }

  #prepare(): void {
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      // Whoever owns it could give one address to two sandboxes.
      const { uid } = lstatSync(this.#directory);
      if (uid !== process.geteuid?.()) throw new Error(`${this.#directory} belongs to user ${uid}`);
    } catch (error) {
      throw failed(error);
    }
  }
}

function failed(cause: unknown): NetworkError {
  return new NetworkError('ERR_NETWORK_FAILED', step, `${(cause as Error).message}; see to the lease directory`, {
    cause,
  });
}
