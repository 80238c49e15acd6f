import { fstatSync } from 'node:fs';
import { listNames } from '@hatchery/linux';

/** At most some 15 MB. */
const WINDOW_NAMES = 32_768;

/**
 * Names of one directory beyond those that were asked for: finding the next thousand means reading all of it, which for a
 * million entries takes a second. They are good as long as the directory has not changed since.
 */
class NameWindow {
  #directory = '';
  #from: Buffer | null = null;
  #names: readonly Buffer[] = [];
  #more = false;

  /** What `listNames` tells. */
  read(fd: number, after: Buffer | null, limit: number): Buffer[] {
    // Before the names: what changes while they are read must count as a change.
    const directory = identityOf(fd);
    const known = after !== null && directory === this.#directory ? this.#find(after, limit) : null;
    if (known !== null) return known;
    const names = listNames(fd, after, Math.max(limit, WINDOW_NAMES));
    if (names.length <= limit) return names;
    this.#directory = directory;
    this.#from = after;
    this.#names = names;
    this.#more = names.length >= WINDOW_NAMES;
    return names.slice(0, limit);
  }

  #find(after: Buffer, limit: number): Buffer[] | null {
    if (this.#from !== null && after.compare(this.#from) < 0) return null;
    let low = 0;
    let high = this.#names.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#names[middle] as Buffer).compare(after) <= 0) low = middle + 1;
      else high = middle;
    }
    return this.#more && this.#names.length - low < limit ? null : this.#names.slice(low, low + limit);
  }
}

/** Of this thread, for whichever directory was read last: one for each of many walks would be memory without a bound. */
export const nameWindow: NameWindow = new NameWindow();

function identityOf(fd: number): string {
  const { dev, ino, mtimeNs, ctimeNs } = fstatSync(fd, { bigint: true });
  return `${dev} ${ino} ${mtimeNs} ${ctimeNs}`;
}
