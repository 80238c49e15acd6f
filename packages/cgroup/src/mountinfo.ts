/** One line of `/proc/<pid>/mountinfo` (proc_pid_mountinfo(5)), in parts. */
export interface Mount {
  /** Unique among the mounts that there are now. */
  readonly id: number;
  /** Of the mount that this one is on. */
  readonly parentId: number;
  /** The directory of the file system that is mounted here; `/..` parts: it lies outside our cgroup namespace. */
  readonly root: string;
  /** Where it is mounted, below this process's root. */
  readonly mountPoint: string;
  /** Of this mount, such as `ro` or `nosuid`. */
  readonly options: readonly string[];
  /** Of the file system, such as `cgroup2`. */
  readonly type: string;
  /** What is mounted: a device, or any text that the mounter chose. */
  readonly source: string;
  /** Of the file system, for all its mounts, such as `nsdelegate`. */
  readonly superOptions: readonly string[];
}

/** Parses a whole mountinfo text. Throws a TypeError that quotes a line which is none. */
export function parseMountinfo(text: string): Mount[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(parseLine);
}

/** The mounts that a path lookup can reach: the newest of a stack, and nothing that another mount hides. */
export function visibleMounts(mounts: readonly Mount[]): Mount[] {
  const byId = new Map(mounts.map((mount) => [mount.id, mount]));
  const isStackedOn = (over: Mount, under: Mount): boolean =>
    over.parentId === under.id && over.id !== under.id && over.mountPoint === under.mountPoint;
  const isCovered = (mount: Mount): boolean => mounts.some((other) => isStackedOn(other, mount));
  const isUnreachable = (mount: Mount): boolean => {
    const hidesWay = (other: Mount): boolean =>
      other.parentId === mount.parentId && mount.mountPoint.startsWith(`${other.mountPoint}/`);
    if (mounts.some(hidesWay)) return true;
    const parent = byId.get(mount.parentId);
    if (parent === undefined || parent.id === mount.id) return false;
    return (isCovered(parent) && !isStackedOn(mount, parent)) || isUnreachable(parent);
  };
  return mounts.filter((mount) => !isCovered(mount) && !isUnreachable(mount));
}

function parseLine(line: string): Mount {
  const fields = line.split(' ');
  const separator = fields.indexOf('-', 6);
  const [id, parentId, , root, mountPoint, options] = fields;
  const type = fields[separator + 1];
  if (
    separator === -1 ||
    root === undefined ||
    mountPoint === undefined ||
    options === undefined ||
    type === undefined
  ) {
    throw new TypeError(`mountinfo line is not in the format of proc_pid_mountinfo(5): ${JSON.stringify(line)}`);
  }
  return {
    id: Number(id),
    parentId: Number(parentId),
    root: unescapeField(root),
    mountPoint: unescapeField(mountPoint),
    options: options.split(','),
    type,
    source: unescapeField(fields[separator + 2] ?? ''),
    superOptions: (fields[separator + 3] ?? '').split(','),
  };
}

/** The kernel writes blank, tab, newline and backslash as three octal digits. */
function unescapeField(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
