import {
  type CgroupAnchor,
  isCgroupName,
  makeBaseDirectory,
  removeBaseDirectory,
  requireCgroupName,
} from './base-directory.ts';
import type { CgroupDirectory } from './cgroup-directory.ts';
import { CgroupError } from './cgroup-error.ts';
import { StatFiles } from './cgroup-stats.ts';
import { isGone, removeTree } from './cgroup-tree.ts';
import { type Controller, controllers } from './controller.ts';
import { enableControllers } from './enable-controllers.ts';
import { type CgroupHierarchy, type CgroupHost, findCgroupHost } from './find-cgroup-host.ts';
import { type ControllerPlace, LimitFiles } from './limit-files.ts';
import type { CgroupLogger } from './remove-cgroup.ts';
import { type CgroupPlace, SandboxCgroup } from './sandbox-cgroup.ts';

/** Where a base is. */
export interface CgroupBaseOptions {
  /** What `findCgroupHost` found. Default: it is called. */
  readonly host?: CgroupHost;
  /** Names joined by `/`, such as `hatchery/main`, below the anchor. Its directories are the base's own. */
  readonly path: string;
  /** Default `root`. */
  readonly anchor?: CgroupAnchor;
  /** Told when a removal meets living processes. Default: nobody. */
  readonly logger?: CgroupLogger;
}

/** Directory descriptors of a base, to be lent to the process that makes sandboxes. They stay the base's. */
export interface BaseDirectories {
  /** The directory in the v2 hierarchy. */
  readonly unified: number;
  /** Null: the controller is on v2, or not available. Two controllers mounted together have the same number. */
  readonly memory: number | null;
  /** As `memory`, of the CPU controller. */
  readonly cpu: number | null;
  /** As `memory`, of the controller of process counts. */
  readonly pids: number | null;
}

interface BaseHierarchy {
  readonly hierarchy: CgroupHierarchy;
  readonly directory: CgroupDirectory;
}

/** v2 first; then v1, each mount once. */
type BaseHierarchies = readonly [BaseHierarchy, ...BaseHierarchy[]];

/** What two or more sandboxes have in common: one directory in v2 and in every v1 hierarchy with a limit controller. */
export class CgroupBase {
  /** As it was opened: names joined by `/`, below the anchor. */
  readonly path: string;
  /** Its directories, for the process that makes sandboxes; closed by `close()`. */
  readonly directories: BaseDirectories;
  /** The controllers whose limits can be set on this base's sandboxes. */
  readonly available: ReadonlySet<Controller>;
  readonly #anchor: CgroupAnchor;
  readonly #hierarchies: BaseHierarchies;
  readonly #place: CgroupPlace;
  #closed = false;

  private constructor(
    options: CgroupBaseOptions,
    host: CgroupHost,
    hierarchies: BaseHierarchies,
    places: ReadonlyMap<Controller, ControllerPlace>,
  ) {
    const unified = hierarchies[0].directory;
    const v1 = hierarchies.slice(1).map(({ directory }) => directory);
    this.path = options.path;
    this.#anchor = options.anchor ?? 'root';
    this.#hierarchies = hierarchies;
    const limitFiles = new LimitFiles(places);
    this.#place = {
      unified,
      v1,
      limitFiles,
      statFiles: new StatFiles(unified, places),
      freezer: host.freezer,
      logger: options.logger ?? { warn: () => {} },
    };
    this.available = limitFiles.available;
    const v1Fd = (controller: Controller): number | null => {
      const place = places.get(controller);
      return place !== undefined && 'base' in place && place.version === 1 ? place.base.fd : null;
    };
    this.directories = { unified: unified.fd, memory: v1Fd('memory'), cpu: v1Fd('cpu'), pids: v1Fd('pids') };
  }

  /**
   * Makes the base's directories, or takes those that are there, and enables the limit controllers on the way (v2).
   *
   * The default anchor is the root of each mount, because a base has to be found again: by a runner that adopts
   * the sandboxes of a dead one, and by a sweep. Below "our own cgroup" is a different place for each start
   * (a session's or a command's own memory cgroup, in v1 often in that hierarchy alone), it cannot be removed
   * by its maker while sandboxes live in it, and in v2 the kernel enables no controller below a cgroup that holds
   * processes, ours. `own` is for a process that may write nowhere else: under systemd with `Delegate=yes`, where
   * `DelegateSubgroup=` keeps the process itself out of the way. It also keeps the limits of our own cgroup in force.
   * A part of the tree that was delegated to us can be named too: `system.slice/hatchery.service/sandboxes`.
   *
   * @throws CgroupError ERR_CGROUP_UNSUPPORTED, ERR_CGROUP_NAME_INVALID; ERR_CGROUP_PERMISSION when the v2 directory
   *   cannot be made. A v1 directory that cannot be made makes its controller unavailable, told by `setLimits`.
   */
  static open(options: CgroupBaseOptions): CgroupBase {
    for (const part of options.path.split('/')) requireCgroupName(part, 'a part of the base path');
    const host = options.host ?? findCgroupHost();
    const anchor = options.anchor ?? 'root';
    const places = new Map<Controller, ControllerPlace>();
    const opened: [BaseHierarchy, ...BaseHierarchy[]] = [openUnified(host, anchor, options.path, places)];
    try {
      for (const controller of controllers) {
        const hierarchy = host.controllers.get(controller);
        if (hierarchy?.version === 1) places.set(controller, openV1(hierarchy, anchor, options.path, opened));
      }
      return new CgroupBase(options, host, opened, places);
    } catch (error) {
      for (const { directory } of opened) directory.close();
      throw error;
    }
  }

  /** The cgroup of one sandbox, made or not. Does no I/O. */
  sandbox(name: string): SandboxCgroup {
    return this.#group(name, ['init', 'work']);
  }

  /** Like {@link sandbox}, for a group without `init` and `work`: its processes live in the group itself. */
  group(name: string): SandboxCgroup {
    return this.#group(name, []);
  }

  /**
   * Makes (or takes) the v2 cgroup `@<name>` beside the sandboxes, for a process that serves them and is never killed
   * by group. Returns its descriptor, which the caller closes; {@link remove} removes the cgroup.
   */
  openLeaf(name: string): number {
    requireCgroupName(name, 'leaf name');
    const { unified } = this.#open();
    try {
      unified.make(`@${name}`);
    } catch (error) {
      if (!(error instanceof CgroupError) || error.errno !== 'EEXIST') throw error;
    }
    return unified.open(`@${name}`);
  }

  /** The names that exist in any hierarchy, sorted: a half-made or half-removed sandbox is in the list. */
  list(): string[] {
    const { unified, v1 } = this.#open();
    const names = new Set([unified, ...v1].flatMap((directory) => directory.children('.')));
    return [...names].filter(isCgroupName).toSorted();
  }

  /**
   * Removes the leaves, the base and those of its parents that are empty then, in every hierarchy. Fine when they are gone.
   * @throws CgroupError ERR_CGROUP_BUSY that names the sandboxes and pids still in it.
   */
  remove(): void {
    const { unified } = this.#open();
    for (const leaf of childrenIfThere(unified).filter((name) => name.startsWith('@'))) {
      const busy = removeTree(unified, leaf, []);
      if (busy !== null) throw baseBusy(unified, leaf, busy);
    }
    for (const { hierarchy, directory } of this.#hierarchies) {
      try {
        removeBaseDirectory(hierarchy, this.#anchor, this.path);
      } catch (error) {
        if (!(error instanceof CgroupError) || error.errno !== 'EBUSY') throw error;
        throw baseBusy(directory, '.', error);
      }
    }
  }

  /** Closes the descriptors; the cgroups stay. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { directory } of this.#hierarchies) directory.close();
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #group(name: string, parts: readonly string[]): SandboxCgroup {
    requireCgroupName(name, 'cgroup name');
    return new SandboxCgroup(() => this.#open(), name, parts);
  }

  #open(): CgroupPlace {
    if (!this.#closed) return this.#place;
    throw new CgroupError({
      code: 'ERR_CGROUP_CLOSED',
      step: 'use base',
      text: `the cgroup base "${this.path}" was closed. Open it again`,
    });
  }
}

function openUnified(
  host: CgroupHost,
  anchor: CgroupAnchor,
  path: string,
  places: Map<Controller, ControllerPlace>,
): BaseHierarchy {
  const wanted = controllers.filter((controller) => host.controllers.get(controller)?.version === 2);
  let refused: ReadonlyMap<Controller, string> = new Map();
  try {
    const directory = makeBaseDirectory(host.unified, anchor, path, (at) => {
      refused = new Map([...refused, ...enableControllers(at, wanted)]);
    });
    for (const controller of wanted) {
      const reason = refused.get(controller);
      places.set(controller, reason === undefined ? { version: 2, base: directory } : { unavailable: reason });
    }
    return { hierarchy: host.unified, directory };
  } catch (cause) {
    if (!(cause instanceof CgroupError) || !['EACCES', 'EPERM', 'EROFS'].includes(cause.errno ?? '')) throw cause;
    throw new CgroupError({
      code: 'ERR_CGROUP_PERMISSION',
      step: cause.step,
      errno: cause.errno,
      text: `${cause.message}. Run as root with a writable cgroup v2 mount, or give a base in a delegated cgroup (systemd: Delegate=yes)`,
      cause,
    });
  }
}

/** Adds to `opened` unless another controller of the same mount did. */
function openV1(
  hierarchy: CgroupHierarchy,
  anchor: CgroupAnchor,
  path: string,
  opened: BaseHierarchy[],
): ControllerPlace {
  const shared = opened.find((other) => other.hierarchy.mount === hierarchy.mount);
  if (shared !== undefined) return { version: 1, base: shared.directory };
  try {
    const directory = makeBaseDirectory(hierarchy, anchor, path, () => {});
    opened.push({ hierarchy, directory });
    return { version: 1, base: directory };
  } catch (error) {
    if (!(error instanceof CgroupError)) throw error;
    return { unavailable: `v1 hierarchy "${hierarchy.mount}": ${error.message}` };
  }
}

/** Removing twice is fine, so the directory may be gone behind its descriptor. */
function childrenIfThere(directory: CgroupDirectory): string[] {
  try {
    return directory.children('.');
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

function baseBusy(directory: CgroupDirectory, name: string, cause: CgroupError): CgroupError {
  const children = directory.children(name);
  const pids = directory.processes(name);
  return new CgroupError({
    code: 'ERR_CGROUP_BUSY',
    step: cause.step,
    errno: cause.errno,
    pids,
    text: `${cause.message}: it holds the cgroups [${children.join(', ')}] and the pids [${pids.join(', ')}]. Remove the sandboxes first`,
    cause,
  });
}
