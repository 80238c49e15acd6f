import type { CgroupDirectory } from './cgroup-directory.ts';
import { CgroupError } from './cgroup-error.ts';
import { CgroupEventFeed } from './cgroup-event-feed.ts';
import type { WaitOptions } from './cgroup-events.ts';
import type { CgroupStats, StatFiles } from './cgroup-stats.ts';
import { treeProcesses } from './cgroup-tree.ts';
import { controllers } from './controller.ts';
import { type FreezeOptions, freeze, isFrozen, thaw } from './freeze.ts';
import type { LimitFiles } from './limit-files.ts';
import { type CgroupLimits, compileLimits } from './limits.ts';
import { isPopulated, waitUnpopulated } from './populated.ts';
import { RemovableCgroup, type RemovalPlace } from './removable-cgroup.ts';
import { type CgroupLogger, type RemoveOptions, removeCgroup } from './remove-cgroup.ts';
import { heldByFreezer } from './v1-freezer.ts';
import { type OomEvent, type OomWatchOptions, watchOom } from './watch-oom.ts';

/** What a base lends to its sandboxes. Read at each call, so that a closed base is noticed. */
export interface CgroupPlace extends RemovalPlace {
  readonly limitFiles: LimitFiles;
  readonly statFiles: StatFiles;
  readonly logger: CgroupLogger;
}

/**
 * The cgroups of one sandbox: `<base>/<name>` in every hierarchy in use and, in v2, `<name>/init` and `<name>/work`
 * below. It holds no descriptor and no state, so it works as well on directories that another process made.
 */
export class SandboxCgroup {
  /** Its directory's, below the base. */
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

  /** The absolute paths of its directories, made or not: v2 first, then one for each v1 hierarchy in use. */
  paths(): string[] {
    const { unified, v1 } = this.#place();
    return [unified, ...v1].map((directory) => `${directory.path}/${this.name}`);
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
   * What the group uses, in whichever hierarchy counts it.
   *
   * @param options.identity what {@link identity} said before: the numbers are then of that group, never of a later one of
   *   the same name.
   * @throws CgroupError ERR_CGROUP_GONE: a removed group has no numbers.
   */
  stats(options: { readonly identity?: bigint } = {}): CgroupStats {
    return this.#place().statFiles.read(this.name, options.identity);
  }

  /** The kernel's number of the v2 group; no other group has it until the next boot. */
  identity(): bigint {
    return this.#place().unified.identity(this.name);
  }

  /** Processes that the OOM killer ended in the group since it was made; undefined where nothing counts them, and once it is gone. */
  oomKills(): number | undefined {
    return this.#place().statFiles.oomKills(this.name);
  }

  /**
   * Calls `handler` when the OOM killer has ended processes in the group, told by the kernel; {@link OomWatchOptions.onError}
   * for the rest. It does not keep the process alive, and is to be disposed of, at the latest when the group was removed.
   *
   * v1 tells nothing when the whole machine has run out of memory, and counts it all the same: see {@link oomKills}.
   *
   * @throws CgroupError ERR_CGROUP_UNSUPPORTED where no memory controller counts kills; ERR_CGROUP_GONE.
   */
  watchOom(handler: (event: OomEvent) => void, options: OomWatchOptions = {}): Disposable {
    const { limitFiles, statFiles } = this.#place();
    return watchOom(limitFiles.place('memory'), statFiles, this.name, handler, options);
  }

  /**
   * What happens to the group from now on, told by the kernel: populated, frozen (all of it), OOM kills. Ends with
   * `return()`; a signal that fires ends it with its reason. The kernel does not tell that a group was removed.
   */
  events(options: { readonly signal?: AbortSignal } = {}): CgroupEventFeed {
    const { unified, limitFiles } = this.#place();
    const source = {
      path: this.path,
      open: () => unified.open(`${this.name}/cgroup.events`),
      oomKills: () => this.oomKills(),
      watchOom: limitFiles.available.has('memory') ? this.watchOom.bind(this) : null,
    };
    return new CgroupEventFeed(source, options.signal);
  }

  /**
   * Freezes `work`, or the group itself where it has no parts, and resolves once the kernel says that every process in it
   * stands still. Nothing is left half frozen: on failure it is thawed again.
   *
   * @throws CgroupError ERR_CGROUP_TIMEOUT whose `pids` did not stop; ERR_CGROUP_GONE; the signal's reason.
   */
  async freeze(options: FreezeOptions = {}): Promise<void> {
    await freeze(this.#place().unified, this.#freezable(options.part), options);
  }

  /**
   * Undoes {@link freeze}, and resolves once the kernel says so.
   * @throws CgroupError ERR_CGROUP_TIMEOUT when a cgroup above is frozen; ERR_CGROUP_GONE; the signal's reason.
   */
  async thaw(options: FreezeOptions = {}): Promise<void> {
    await thaw(this.#place().unified, this.#freezable(options.part), options);
  }

  /** Whether every process of `work`, or of the group where it has no parts, stands still. */
  frozen(part?: string): boolean {
    return isFrozen(this.#place().unified, this.#freezable(part));
  }

  /**
   * Sends SIGKILL to the whole tree at once, frozen processes and fork bombs included (cgroup.kill). What v1's freezer holds is
   * taken out of it, to die without another instruction.
   *
   * @throws CgroupError ERR_CGROUP_FROZEN naming what that freezer holds all the same; ERR_CGROUP_GONE.
   */
  kill(): void {
    this.#place().unified.write(`${this.name}/cgroup.kill`, '1');
    const held = this.#removable().releaseFrozen();
    if (held.length > 0) throw heldByFreezer(this.path, held);
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
    unified.write(`${this.#part(part)}/cgroup.procs`, String(pid));
  }

  /** A new descriptor of the v2 directory, or of a part of it; the caller closes it (fs.closeSync). */
  openDirectory(part?: string): number {
    return this.#place().unified.open(this.#part(part));
  }

  /**
   * Removes the cgroup from every hierarchy; fine when it is gone. A plain rmdir first; while the kernel says EBUSY, for
   * at most 2 s: log, kill, wait for `populated 0`, try again.
   *
   * @throws CgroupError ERR_CGROUP_BUSY naming the survivors; the signal's reason.
   */
  async remove(options: RemoveOptions = {}): Promise<void> {
    await removeCgroup(this.#removable(), this.#place().logger, options);
  }

  /**
   * Removes the cgroup by plain rmdir, for undoing a {@link create} that nothing was started in. Fine when it is gone.
   * @throws CgroupError ERR_CGROUP_IO (`errno` EBUSY) when a process is in it; nothing is killed.
   */
  removeEmpty(): void {
    const busy = this.#removable().tryRemove();
    if (busy !== null) throw busy;
  }

  #removable(): RemovableCgroup {
    return new RemovableCgroup(this.#place(), this.name, this.#parts);
  }

  #part(part: string | undefined): string {
    return part === undefined ? this.name : `${this.name}/${part}`;
  }

  /** A sandbox is paused by its work; its init goes on. */
  #freezable(part: string | undefined): string {
    return this.#part(part ?? this.#parts.find((candidate) => candidate === 'work'));
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
