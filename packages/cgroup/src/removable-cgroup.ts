import type { CgroupDirectory } from './cgroup-directory.ts';
import { CgroupError } from './cgroup-error.ts';
import type { WaitOptions } from './cgroup-events.ts';
import { isGone, removeTree, treeProcesses } from './cgroup-tree.ts';
import { killMembers } from './kill-members.ts';
import { waitUnpopulated } from './populated.ts';
import type { Removable } from './remove-cgroup.ts';
import { type HeldProcess, releaseFromV1Freezer, type V1Freezer } from './v1-freezer.ts';

/** Where a group's directories are. */
export interface RemovalPlace {
  readonly unified: CgroupDirectory;
  /** One for each v1 hierarchy in use, also where two controllers share one. */
  readonly v1: readonly CgroupDirectory[];
  readonly freezer: V1Freezer | null;
}

/** What a removal does to a group, in every hierarchy. */
export class RemovableCgroup implements Removable {
  readonly path: string;
  readonly #place: RemovalPlace;
  readonly #name: string;
  readonly #parts: readonly string[];

  constructor(place: RemovalPlace, name: string, parts: readonly string[]) {
    this.path = `${place.unified.path}/${name}`;
    this.#place = place;
    this.#name = name;
    this.#parts = parts;
  }

  tryRemove(): CgroupError | null {
    const { unified, v1 } = this.#place;
    let busy = removeTree(unified, this.#name, this.#parts);
    for (const directory of v1) busy = removeTree(directory, this.#name, []) ?? busy;
    return busy;
  }

  /** Returns what the v1 freezer holds all the same. */
  killAll(): HeldProcess[] {
    ignoreGone(() => this.#place.unified.write(`${this.#name}/cgroup.kill`, '1'));
    for (const directory of this.#place.v1) ignoreGone(() => killMembers(directory, this.#name));
    return this.releaseFrozen();
  }

  /** Lets what was killed die where the v1 freezer keeps it from that; returns what is held all the same. */
  releaseFrozen(): HeldProcess[] {
    const { freezer } = this.#place;
    if (freezer === null) return [];
    try {
      return releaseFromV1Freezer(freezer, () => this.survivors());
    } catch (error) {
      // Who is in there cannot be listed, so nobody is taken out. Whoever is held shows as never gone.
      if (error instanceof CgroupError) return [];
      throw error;
    }
  }

  async waitUnpopulated(options: WaitOptions): Promise<void> {
    await waitUnpopulated(this.#place.unified, this.#name, options);
  }

  survivors(): number[] {
    const pids = new Set<number>();
    for (const directory of [this.#place.unified, ...this.#place.v1]) {
      ignoreGone(() => {
        for (const pid of treeProcesses(directory, this.#name)) pids.add(pid);
      });
    }
    return [...pids].toSorted((a, b) => a - b);
  }
}

/** A removal meets hierarchies where it has already succeeded. */
function ignoreGone(call: () => void): void {
  try {
    call();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}
