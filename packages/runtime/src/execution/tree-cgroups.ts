import { TreeCgroup, type WorkCgroup } from './tree-cgroup.ts';

/**
 * The cgroups of single executions below one sandbox's `work`. One that still holds a background process when its
 * execution has ended is looked at again whenever another execution starts: a kernel keeps each for as long as it is.
 */
export class TreeCgroups {
  readonly #work: WorkCgroup;
  readonly #firstId: number;
  readonly #left = new Set<TreeCgroup>();

  /** @param workFd directory of `work`, the sandbox's; @param firstId host id of the sandbox's root, who clones into them */
  constructor(workFd: number, firstId: number) {
    this.#work = { fd: workFd };
    this.#firstId = firstId;
  }

  make(execution: number): TreeCgroup {
    for (const tree of this.#left) this.remove(tree);
    return TreeCgroup.make(this.#work, nameOf(execution), this.#firstId);
  }

  /** Of an execution that an earlier runner started. */
  find(execution: number): TreeCgroup | null {
    return TreeCgroup.find(this.#work, nameOf(execution));
  }

  /** The sandbox has ended, or is let go of: its directory will be closed, and nothing is done below it any more. */
  close(): void {
    this.#work.fd = null;
    this.#left.clear();
  }

  remove(tree: TreeCgroup): void {
    if (tree.remove()) this.#left.delete(tree);
    else this.#left.add(tree);
  }
}

function nameOf(execution: number): string {
  return `x${execution}`;
}
