import { opendirSync } from 'node:fs';
import { closeFd, type InotifyEvent } from '@hatchery/linux';
import type { WatchBacklog } from './watch-backlog.ts';
import type { WatchedDirectory } from './watched-directory.ts';
import type { WatchedTree } from './watched-tree.ts';

/** Finds out what the parts of a rename say together. */
export class WatchRenames {
  readonly #tree: WatchedTree;
  readonly #backlog: WatchBacklog;
  /** Cookies of renames whose second half was handled with the first. */
  readonly #handled = new Set<number>();

  constructor(tree: WatchedTree, backlog: WatchBacklog) {
    this.#tree = tree;
    this.#backlog = backlog;
  }

  /** The event that says where it was moved to, which then counts as handled; null: to where nothing is watched. */
  target(from: InotifyEvent): InotifyEvent | null {
    let to = this.#backlog.movedTo(from);
    if (to === undefined) {
      this.#settle(from);
      to = this.#backlog.movedTo(from) ?? null;
    }
    if (to !== null) this.#handled.add(to.cookie);
    return to;
  }

  /** True once for each event that `target` returned. */
  wasHandled(to: InotifyEvent): boolean {
    return this.#handled.delete(to.cookie);
  }

  /**
   * The directory that was moved, by what the kernel says of itself and not by its name: there may be another one of that
   * name by now. Null: one that has no watch.
   */
  directory(from: InotifyEvent, name: string, to: InotifyEvent | null): WatchedDirectory | null {
    const parent = this.#tree.find(from.watch);
    const wasThere = (watch: number): boolean => {
      const directory = this.#tree.find(watch);
      return directory !== undefined && directory.parent === parent && directory.name === name;
    };
    let watch = this.#backlog.moved(from, to, wasThere);
    if (watch === undefined) {
      this.#settle(from);
      watch = this.#backlog.moved(from, to, wasThere);
    }
    return watch === undefined || watch === null ? null : (this.#tree.find(watch) ?? null);
  }

  /**
   * Waits until the rename is over, and reads what it told. The kernel holds the lock of the directory until then, and
   * reading the directory takes it. Where it is no longer found, what has been told by now must do.
   */
  #settle(from: InotifyEvent): void {
    const directory = this.#tree.find(from.watch);
    try {
      if (directory !== undefined) this.#readOnce(directory);
    } catch {
      // Moved or removed meanwhile.
    }
    this.#backlog.readAhead();
  }

  #readOnce(directory: WatchedDirectory): void {
    const fd = directory === this.#tree.base ? this.#tree.baseFd : this.#tree.openDirectory(directory);
    try {
      const reading = opendirSync(`/proc/self/fd/${fd}`, { bufferSize: 1 });
      try {
        reading.readSync();
      } finally {
        reading.closeSync();
      }
    } finally {
      if (directory !== this.#tree.base) closeFd(fd);
    }
  }
}
