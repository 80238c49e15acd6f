/** What a teardown has to know of a sandbox: the part of its record that the shim's mode `delete` reads, too. */
export interface RecordHead {
  readonly id: string;
  /** Of the kernel that ran it: under another nothing of it is alive. */
  readonly bootId: string;
  /** Init as the host sees it; null while it is not cloned. The start time is field 22 of /proc/<pid>/stat. */
  readonly init: { readonly pid: number; readonly startTime: string } | null;
  /** Absolute directories of its cgroups, the one in v2 first. */
  readonly cgroups: readonly string[];
  /** The link that leases its range of ids; null: it has none any more. */
  readonly range: string | null;
  /** The directory of its root on disk; null: the root lived in memory. */
  readonly root: string | null;
}

/**
 * One `key value` a line, in this order; an empty line ends it where more follows. Read by `native/teardown` in
 * `@hatchery/linux`, which takes no unknown key. None of the values can hold a line break: ids and boot ids are checked,
 * and `Runtime.open()` refuses directories with one.
 */
export function formatHead(head: RecordHead): string {
  const [unified, ...v1] = head.cgroups;
  const lines = [
    'hatchery-record 2',
    `id ${head.id}`,
    `boot ${head.bootId}`,
    ...(head.init === null ? [] : [`init ${head.init.pid} ${head.init.startTime}`]),
    ...(unified === undefined ? [] : [`cgroup ${unified}`]),
    ...v1.map((path) => `cgroup-v1 ${path}`),
    ...(head.range === null ? [] : [`range ${head.range}`]),
    ...(head.root === null ? [] : [`root ${head.root}`]),
  ];
  return `${lines.join('\n')}\n`;
}
