import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { CgroupDirectory, errnoOf } from './cgroup-directory.ts';
import { CgroupError } from './cgroup-error.ts';
import { type Controller, controllers } from './controller.ts';
import { type Mount, parseMountinfo, visibleMounts } from './mountinfo.ts';
import { parseOwnCgroups, pathBelowMount } from './own-cgroups.ts';
import type { V1Freezer } from './v1-freezer.ts';

/** One mounted hierarchy. */
export interface CgroupHierarchy {
  /** Of the cgroup interface: cgroups(7). */
  readonly version: 1 | 2;
  /** Where it is mounted. */
  readonly mount: string;
  /** This process's own cgroup, as a path below `mount`; null when this mount does not show it. */
  readonly own: string | null;
}

/** What this host's cgroups are. */
export interface CgroupHost {
  /** `unified`: only v2 is mounted. `hybrid`: v2 beside v1 hierarchies. */
  readonly mode: 'unified' | 'hybrid';
  /** Where the v2 hierarchy is mounted. */
  readonly unifiedMount: string;
  /** The v2 hierarchy. */
  readonly unified: CgroupHierarchy;
  /** Where each limit controller lives; one that is in no hierarchy is missing. */
  readonly controllers: ReadonlyMap<Controller, CgroupHierarchy>;
  /** A v1 freezer, which holds its processes even against SIGKILL; null where none is mounted. */
  readonly freezer: V1Freezer | null;
  /** The v2 mount treats cgroup namespaces as borders: a process cannot be moved across one from inside. */
  readonly nsdelegate: boolean;
}

/** Other sources than this process's own, for tests. */
export interface FindCgroupHostOptions {
  /** Text in place of `/proc/self/mountinfo`. */
  readonly mountinfo?: string;
  /** Text in place of `/proc/self/cgroup`. */
  readonly ownCgroups?: string;
}

/** The v2 files that everything else stands on, with the kernel that brought each (cgroups v2 documentation). */
const requiredFiles: readonly (readonly [string, string])[] = [
  ['cgroup.events', 'Linux 4.5'],
  ['cgroup.freeze', 'Linux 5.2'],
  ['cgroup.kill', 'Linux 5.14'],
];

/**
 * Finds the cgroup hierarchies of this host, from its mounts and by trying.
 *
 * @throws CgroupError ERR_CGROUP_UNSUPPORTED when no v2 hierarchy is mounted (pure v1, or none at all) or the
 *   kernel's v2 lacks kill, freeze or events; the message names what is missing and the remedy.
 *   ERR_CGROUP_PERMISSION when that cannot be found out, because no cgroup may be made.
 */
export function findCgroupHost(options: FindCgroupHostOptions = {}): CgroupHost {
  const mounts = visibleMounts(parseMountinfo(options.mountinfo ?? readFileSync('/proc/self/mountinfo', 'utf8')));
  const own = parseOwnCgroups(options.ownCgroups ?? readFileSync('/proc/self/cgroup', 'utf8'));
  const v1Mounts = mounts.filter((mount) => mount.type === 'cgroup');
  const unifiedMount = preferredMount(mounts.filter((mount) => mount.type === 'cgroup2'));
  if (unifiedMount === undefined) throw noUnifiedHierarchy(v1Mounts);
  const unified = hierarchyOf(2, unifiedMount, own.unified);
  requireCoreFiles(unified);

  const found = new Map<Controller, CgroupHierarchy>();
  const onUnified = new Set(readControllers(unified));
  for (const controller of controllers) {
    const v1 = preferredMount(v1Mounts.filter((mount) => mount.superOptions.includes(controller)));
    if (v1 !== undefined) found.set(controller, hierarchyOf(1, v1, own.byController.get(controller) ?? null));
    else if (onUnified.has(controller)) found.set(controller, unified);
  }
  return {
    mode: v1Mounts.length === 0 ? 'unified' : 'hybrid',
    unifiedMount: unified.mount,
    unified,
    controllers: found,
    freezer: findFreezer(v1Mounts),
    nsdelegate: unifiedMount.superOptions.includes('nsdelegate'),
  };
}

function findFreezer(v1Mounts: readonly Mount[]): V1Freezer | null {
  const mount = preferredMount(v1Mounts.filter(({ superOptions }) => superOptions.includes('freezer')));
  return mount === undefined ? null : { mount: mount.mountPoint, root: mount.root };
}

/** Of several mounts of one hierarchy: a writable one, then one that shows the most, then the usual place. */
function preferredMount(mounts: readonly Mount[]): Mount | undefined {
  const rank = (mount: Mount): number =>
    (mount.options.includes('rw') ? 4 : 0) +
    (mount.root === '/' ? 2 : 0) +
    (mount.mountPoint.startsWith('/sys/fs/cgroup') ? 1 : 0);
  return mounts.toSorted((a, b) => rank(b) - rank(a))[0];
}

function hierarchyOf(version: 1 | 2, mount: Mount, own: string | null): CgroupHierarchy {
  return { version, mount: mount.mountPoint, own: own === null ? null : pathBelowMount(own, mount.root) };
}

function readControllers(unified: CgroupHierarchy): string[] {
  const path = `${unified.mount}/cgroup.controllers`;
  try {
    return readFileSync(path, 'utf8').trim().split(' ');
  } catch (cause) {
    throw new CgroupError({
      code: 'ERR_CGROUP_UNSUPPORTED',
      step: 'read cgroup.controllers',
      text: `read "${path}": ${String(cause)}. The v2 hierarchy is mounted but unreadable; mount it again: mount -t cgroup2 none "${unified.mount}"`,
      cause,
    });
  }
}

/** The root cgroup has none of these files, whatever the kernel: only a cgroup below it can tell. */
function requireCoreFiles(unified: CgroupHierarchy): void {
  const ownIsChild = unified.own !== null && unified.own !== '/';
  const missing = ownIsChild ? missingFiles(unified.mount + unified.own) : missingFilesOfNewCgroup(unified.mount);
  if (missing.length === 0) return;
  throw new CgroupError({
    code: 'ERR_CGROUP_UNSUPPORTED',
    step: 'probe cgroup v2 core files',
    text: `the cgroup v2 hierarchy at "${unified.mount}" has no ${missing.map(([file, since]) => `${file} (${since})`).join(', no ')}. Boot a kernel of 5.14 or newer`,
  });
}

function missingFiles(path: string): (readonly [string, string])[] {
  const directory = new CgroupDirectory(path);
  try {
    return requiredFiles.filter(([file]) => !directory.has(file));
  } finally {
    directory.close();
  }
}

function missingFilesOfNewCgroup(mount: string): (readonly [string, string])[] {
  // The pid keeps two runners that probe at once apart; one process probes synchronously.
  const path = `${mount}/hatchery-probe-${process.pid}`;
  try {
    mkdirSync(path);
  } catch (cause) {
    throw new CgroupError({
      code: 'ERR_CGROUP_PERMISSION',
      step: 'probe cgroup v2 core files',
      errno: errnoOf(cause),
      text: `mkdir "${path}": ${String(cause)}. Run as root with a writable cgroup v2 mount, or in a delegated cgroup (systemd: Delegate=yes)`,
      cause,
    });
  }
  try {
    return missingFiles(path);
  } finally {
    rmdirSync(path);
  }
}

function noUnifiedHierarchy(v1Mounts: readonly Mount[]): CgroupError {
  const remedy =
    'Mount one: mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified, or boot with systemd.unified_cgroup_hierarchy=1';
  const found =
    v1Mounts.length === 0
      ? 'no cgroup hierarchy is mounted at all'
      : `this host is pure cgroup v1 (${v1Mounts.map((mount) => mount.mountPoint).join(', ')})`;
  return new CgroupError({
    code: 'ERR_CGROUP_UNSUPPORTED',
    step: 'find cgroup v2',
    text: `no cgroup2 mount in mountinfo: ${found}. kill, freeze and events need v2. ${remedy}`,
  });
}
