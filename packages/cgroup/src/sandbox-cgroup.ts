import type { CgroupDirectory } from './cgroup-directory.ts';
import { CgroupError } from './cgroup-error.ts';
import { isGone, removeTree, treeProcesses } from './cgroup-tree.ts';
import { controllers } from './controller.ts';
import { killMembers } from './kill-members.ts';
import type { LimitFiles } from './limit-files.ts';
import { type CgroupLimits, compileLimits } from './limits.ts';
import { isPopulated, type WaitOptions, waitUnpopulated } from './populated.ts';
import { type CgroupLogger, type RemoveOptions, removeCgroup } from './remove-cgroup.ts';

/** What a base lends to its sandboxes. Read at each call, so that a closed base is noticed. */
export interface CgroupPlace {
  readonly unified: CgroupDirectory;
  /** One for each v1 hierarchy in use, also where two controllers share one. */
  readonly v1: readonly CgroupDirectory[];
  readonly limitFiles: LimitFiles;
  readonly logger: CgroupLogger;
}

/**
 * The cgroups of one sandbox: `<base>/<name>` in every hierarchy in use and, in v2, `<name>/init` and `<name>/work`
 * below. It holds no descriptor and no state, so it works as well on directories that another process made.
 */
export class SandboxCgroup {
  readonly name: string;
  readonly #place: () => CgroupPlace;
  readonly #parts: readonly string[];

  /** Use {@link CgroupBase.sandbox}. */
  constructor(place: () => CgroupPlace, name: string, parts: readonly string[]) {
    this.name = name;
    this.#place = place;
    this.#parts = parts;
  }

  /** The v2 directory, for messages. */
  get path(): string {
    return `${this.#place().unified.path}/${this.name}`;
  }

  /**
   * Makes the directories, all or none.
   * @throws CgroupError ERR_CGROUP_EXISTS when one is there already.
   */
  create(): void {
    const { unified, v1 } = this.#place();
    const made: (readonly [CgroupDirectory, string])[] = [];
    const make = (directory: CgroupDirectory, name: string): void => {
      directory.make(name);
      made.push([directory, name]);
    };
    try {
      make(unified, this.name);
      for (const part of this.#parts) make(unified, `${this.name}/${part}`);
      for (const directory of v1) make(directory, this.name);
    } catch (error) {
      for (const [directory, name] of made.toReversed()) directory.removeDirectory(name);
      throw alreadyExists(error);
    }
  }

  /**
   * Sets the limits given, and leaves the others as they are. Checks all of them before it writes the first.
   *
   * @throws CgroupError ERR_LIMIT_INVALID; ERR_LIMIT_UNENFORCEABLE, with `controllers` to drop for a caller that is
   *   content with best effort; ERR_CGROUP_GONE.
   */
  setLimits(limits: CgroupLimits): void {
    const compiled = compileLimits(limits);
    const { limitFiles } = this.#place();
    limitFiles.requireAvailable(controllers.filter((controller) => compiled[controller] !== undefined));
    for (const controller of controllers) {
      const value = compiled[controller];
      if (value !== undefined) limitFiles.write(controller, this.name, value);
    }
  }

  /**
   * Processes that the OOM killer ended in the group since it was made; null where the host does not count them.
   * @throws CgroupError ERR_CGROUP_GONE.
   */
  oomKills(): number | null {
    return this.#place().limitFiles.oomKills(this.name);
  }

  /** Sends SIGKILL to the whole tree at once, frozen processes and fork bombs included (cgroup.kill). */
  kill(): void {
    this.#place().unified.write(`${this.name}/cgroup.kill`, '1');
  }

  /** Whether any process lives in the tree. */
  populated(): boolean {
    return isPopulated(this.#place().unified, this.name);
  }

  /**
   * Resolves once the tree is empty, told by the kernel.
   * @throws CgroupError ERR_CGROUP_TIMEOUT; ERR_CGROUP_GONE; the signal's reason.
   */
  async waitUnpopulated(options: WaitOptions): Promise<void> {
    await waitUnpopulated(this.#place().unified, this.name, options);
  }

  /** Process ids of the whole v2 tree. A failing read is an error, never an empty list. */
  pids(): number[] {
    return treeProcesses(this.#place().unified, this.name);
  }

  /**
   * Moves a running process in, in every hierarchy (`pid` 0: the caller). For tools: the kernel takes up to 15 ms
   * for it, so what is on a hot path is better born inside (CLONE_INTO_CGROUP, or `0` written to v1's `tasks`).
   */
  add(pid: number, part?: string): void {
    const { unified, v1 } = this.#place();
    // v1 first: a process that is in v2 is under all limits.
    for (const directory of v1) directory.write(`${this.name}/cgroup.procs`, String(pid));
    unified.write(`${part === undefined ? this.name : `${this.name}/${part}`}/cgroup.procs`, String(pid));
  }

  /** A new descriptor of the v2 directory, or of a part of it; the caller closes it (fs.closeSync). */
  openDirectory(part?: string): number {
    return this.#place().unified.open(part === undefined ? this.name : `${this.name}/${part}`);
  }

  /**
   * Removes the cgroup from every hierarchy; fine when it is gone. A plain rmdir first; while the kernel says EBUSY, for
   * at most 2 s: log, kill, wait for `populated 0`, try again.
   *
   * @throws CgroupError ERR_CGROUP_BUSY naming the survivors; the signal's reason.
   */
  async remove(options: RemoveOptions = {}): Promise<void> {
    const target = {
      path: this.path,
      tryRemove: () => this.#tryRemove(),
      killAll: () => this.#killAll(),
      waitUnpopulated: (wait: WaitOptions) => this.waitUnpopulated(wait),
      survivors: () => this.#survivors(),
    };
    await removeCgroup(target, this.#place().logger, options);
  }

  /**
   * Removes the cgroup by plain rmdir, for undoing a {@link create} that nothing was started in. Fine when it is gone.
   * @throws CgroupError ERR_CGROUP_IO (`errno` EBUSY) when a process is in it; nothing is killed.
   */
  removeEmpty(): void {
    const busy = this.#tryRemove();
    if (busy !== null) throw busy;
  }

  #tryRemove(): CgroupError | null {
    const { unified, v1 } = this.#place();
    let busy = removeTree(unified, this.name, this.#parts);
    for (const directory of v1) busy = removeTree(directory, this.name, []) ?? busy;
    return busy;
  }

  #killAll(): void {
    ignoreGone(() => this.kill());
    const { v1 } = this.#place();
    for (const directory of v1) ignoreGone(() => killMembers(directory, this.name));
  }

  #survivors(): number[] {
    const { unified, v1 } = this.#place();
    const pids = new Set<number>();
    for (const directory of [unified, ...v1]) {
      ignoreGone(() => {
        for (const pid of treeProcesses(directory, this.name)) pids.add(pid);
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

function alreadyExists(error: unknown): unknown {
  if (!(error instanceof CgroupError) || error.errno !== 'EEXIST') return error;
  return new CgroupError({
    code: 'ERR_CGROUP_EXISTS',
    step: error.step,
    errno: error.errno,
    text: `${error.message}. The name is in use: choose another, or remove what is left of it`,
    cause: error,
  });
}
