/** What an earlier build had to say of a sandbox. */
export interface PreviousFacts {
  readonly id: string;
  readonly lifecycleId: string;
  readonly bootId: string;
  /** As hex. */
  readonly token: string;
  readonly firstId: number;
  readonly state: 'intent' | 'running';
  readonly init: { readonly pid: number; readonly startTime: string } | null;
  readonly createdAt: string;
  readonly spec: object;
  /** The one in v2 first. */
  readonly cgroups: readonly string[];
  readonly range: string;
}

/** Name and text of the record that the build of that wire version wrote; its own words, whatever today's are. */
export function previousRecord(wireVersion: number, facts: PreviousFacts): readonly [name: string, text: string] {
  const { cgroups, range, spec, ...shared } = facts;
  if (wireVersion === 1) {
    const record = { version: 1, ...shared, cgroup: facts.id, spec };
    return ['record.json', `${JSON.stringify(record)}\n`];
  }
  const { id, init } = facts;
  const [unified, ...v1] = cgroups;
  const head = [
    'hatchery-record 2',
    `id ${id}`,
    `boot ${facts.bootId}`,
    ...(init === null ? [] : [`init ${init.pid} ${init.startTime}`]),
    `cgroup ${unified}`,
    ...v1.map((path) => `cgroup-v1 ${path}`),
    `range ${range}`,
  ];
  const places = { wireVersion, cgroups, range, root: null, deadline: null };
  const whole = {
    version: 2,
    ...shared,
    ...places,
    spec: {
      ...spec,
      root: 'memory',
      ...(wireVersion < 3 ? {} : { volumes: [] }),
      timeoutMs: null,
      onTimeout: 'destroy',
    },
  };
  return ['record', `${head.join('\n')}\n\n${JSON.stringify(whole)}\n`];
}

/** What it told init of an execution without a tag or a time, for a later runner. */
export function previousLabel(wireVersion: number, id: string): Buffer {
  return wireVersion === 1 ? Buffer.alloc(0) : Buffer.from(JSON.stringify([1, id, null, null, 5000, 5000, 0]));
}
