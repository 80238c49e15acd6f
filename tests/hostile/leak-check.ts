import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

/** Whose belongings are counted: those of one instance in one run directory, so that other runs do not disturb. */
export interface LeakScope {
  readonly runDirectory: string;
  /** Name of the instance: in its cgroups' paths and in its directory's name. Also looked for in environments. */
  readonly instance: string;
}

/** What of an instance there is outside its sandboxes' own memory, one line each. */
export interface Belongings {
  /** In our cgroups, descended from this process, or with the instance's name in the environment. */
  readonly processes: readonly string[];
  /** In every hierarchy, v1 and v2. */
  readonly cgroups: readonly string[];
  readonly mounts: readonly string[];
  /** Mount, network, pid and user namespaces that our processes are in, or this process holds open. */
  readonly namespaces: readonly string[];
  /** Descriptors of this process. */
  readonly descriptors: readonly string[];
  /** Sandbox directories in the run directory. */
  readonly directories: readonly string[];
  /** Leased id ranges. */
  readonly idRanges: readonly string[];
}

const idRangesDirectory = '/run/hatchery-ids';
const checkout = fileURLToPath(new URL('../../', import.meta.url));
const namespaceKinds = ['mnt', 'net', 'pid', 'user'];

/** Counts what belongs to an instance right now. */
export function listBelongings(scope: LeakScope): Belongings {
  const pids = ownProcesses(scope);
  return {
    processes: pids.map(describeProcess),
    cgroups: cgroupRoots().flatMap((root) =>
      cgroupsBelow(root).filter((path) => path.split('/').includes(scope.instance)),
    ),
    mounts: readLines('/proc/self/mountinfo').filter(
      (line) => line.includes(scope.runDirectory) || line.includes(scope.instance),
    ),
    namespaces: [
      ...new Set([
        ...pids.flatMap(namespacesOf),
        ...openDescriptors().filter((line) => /\b(?:mnt|net|pid|user):\[/.test(line)),
      ]),
    ],
    descriptors: openDescriptors(),
    directories: sandboxDirectories(scope.runDirectory),
    idRanges: list(idRangesDirectory).filter((name) =>
      link(join(idRangesDirectory, name)).startsWith(`${scope.runDirectory}/`),
    ),
  };
}

/** What is there now and was not there `before`. Namespaces are compared like all else: a new one is a leak. */
export function leakedSince(before: Belongings, scope: LeakScope): Belongings {
  const now = listBelongings(scope);
  const added = (kind: keyof Belongings): string[] => now[kind].filter((line) => !before[kind].includes(line));
  return {
    processes: added('processes'),
    cgroups: added('cgroups'),
    mounts: added('mounts'),
    namespaces: added('namespaces'),
    descriptors: added('descriptors'),
    directories: added('directories'),
    idRanges: added('idRanges'),
  };
}

/** Fails with the list of what was left behind. Call it after `runtime.close()`; it does not wait for anything. */
export function expectNoLeaks(before: Belongings, scope: LeakScope): void {
  const nothing: Belongings = {
    processes: [],
    cgroups: [],
    mounts: [],
    namespaces: [],
    descriptors: [],
    directories: [],
    idRanges: [],
  };
  expect(leakedSince(before, scope), `left behind by instance ${scope.instance}`).toEqual(nothing);
}

/** Host pids of the processes that carry the instance's name in their cgroup or environment, or descend from us. */
function ownProcesses(scope: LeakScope): number[] {
  const pids = list('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid);
  const parents = new Map(pids.map((pid) => [pid, parentOf(pid)]));
  const descends = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at))
      if (parents.get(at) === process.pid) return true;
    return false;
  };
  const isMarked = (pid: number): boolean =>
    read(`/proc/${pid}/cgroup`).includes(`/${scope.instance}`) || read(`/proc/${pid}/environ`).includes(scope.instance);
  return pids.filter((pid) => (descends(pid) || isMarked(pid)) && !isLeftToHost(pid, parents.get(pid)));
}

/** It has ended, and its parent before it: the host's PID 1 reaps it, and takes the time that it takes. */
function isLeftToHost(pid: number, parent: number | undefined): boolean {
  return parent === 1 && isZombie(pid);
}

function isZombie(pid: number): boolean {
  return /^State:\tZ/m.test(read(`/proc/${pid}/status`));
}

/** The fourth field of stat(5); the second one may hold spaces and parentheses. */
function parentOf(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[1] === undefined ? undefined : Number(fields[1]);
}

/** Of its state only whether it is a zombie: a line must not differ because the process slept one moment and ran the next. */
function describeProcess(pid: number): string {
  const comm = read(`/proc/${pid}/comm`).trim();
  const zombie = isZombie(pid) ? ' (zombie)' : '';
  return `${pid} ${comm}${zombie} ${readLines(`/proc/${pid}/cgroup`).join(' ')}`;
}

function namespacesOf(pid: number): string[] {
  const own = namespaceKinds.map((kind) => link(`/proc/self/ns/${kind}`));
  return namespaceKinds
    .map((kind) => link(`/proc/${pid}/ns/${kind}`))
    .filter((name) => name !== '' && !own.includes(name));
}

function cgroupRoots(): string[] {
  const mounts = readLines('/proc/self/mountinfo').map((line) => line.split(' '));
  // The type follows the separator, whose place varies with the optional fields.
  return mounts
    .filter((fields) => /^cgroup2?$/.test(fields[fields.indexOf('-') + 1] ?? ''))
    .map((fields) => fields[4] ?? '');
}

function cgroupsBelow(directory: string): string[] {
  const children = readdirSync(directory, { withFileTypes: true, recursive: false }).filter((entry) =>
    entry.isDirectory(),
  );
  return children.flatMap(({ name }) => {
    const path = join(directory, name);
    try {
      return [path, ...cgroupsBelow(path)];
    } catch {
      // Another run's cgroup, removed between the two listings.
      return [];
    }
  });
}

/** The descriptor that lists the others is among them and closed by the time its link is read. */
function openDescriptors(): string[] {
  const all = list('/proc/self/fd').map((fd) => [fd, link(`/proc/self/fd/${fd}`)] as const);
  return all.filter(([, target]) => target !== '' && !isModule(target)).map(([fd, target]) => `${fd} ${target}`);
}

/**
 * A module of this checkout or of its dependencies. A worker thread starts when it is needed, also while a test counts, and has
 * each of its modules open while it reads it. The product opens none itself, so that none can be a leak of its.
 */
function isModule(target: string): boolean {
  return target.startsWith(checkout) && /\.(?:[cm]?[jt]s|json|node)$/.test(target);
}

function sandboxDirectories(runDirectory: string): string[] {
  const instances = join(runDirectory, 'instances');
  return list(instances).flatMap((name) => {
    const sandboxes = join(instances, name, 'sandboxes');
    return list(sandboxes).map((id) => join(sandboxes, id));
  });
}

/** Empty for what is gone, which between a listing and a look is no error. */
function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function readLines(path: string): string[] {
  return read(path)
    .split('\n')
    .filter((line) => line !== '');
}
