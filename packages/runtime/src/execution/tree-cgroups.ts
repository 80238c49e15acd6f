import { TreeCgroup } from './tree-cgroup.ts';

/**
 * The cgroups of single executions below one sandbox's `work`. One that still holds a background process when its
 * execution has ended is looked at again whenever another execution starts: a kernel keeps each for as long as it is.
 */
export class TreeCgroups {
  readonly #workFd: number;
  readonly #firstId: number;
  readonly #left = new Set<TreeCgroup>();

  /** @param workFd directory of `work`, the sandbox's; @param firstId host id of the sandbox's root, who clones into them */
  constructor(workFd: number, firstId: number) {
    this.#workFd = workFd;
    this.#firstId = firstId;
  }

  make(execution: number): TreeCgroup {
    for (const tree of this.#left) this.remove(tree);
    return new TreeCgroup(this.#workFd, `x${execution}`, this.#firstId);
  }

  remove(tree: TreeCgroup): void {
    if (tree.remove()) this.#left.delete(tree);
    else this.#left.add(tree);
  }
}
