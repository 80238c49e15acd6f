import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type CgroupHost, type Controller, findCgroupHost } from '../src/index.ts';
import { release, TenantHouse } from './tenant.ts';

const house = new TenantHouse();
house.install();
const MiB = 1024 * 1024;

/** A limit file of a sandbox, by the name it has in the version that holds the controller. */
function readLimit(controller: Controller, sandbox: string, v1: string, v2: string): string {
  const hierarchy = findCgroupHost().controllers.get(controller);
  if (hierarchy === undefined) throw new Error(`this host has no ${controller} controller`);
  const file = hierarchy.version === 1 ? v1 : v2;
  return readFileSync(`${hierarchy.mount}/${house.path}/${sandbox}/${file}`, 'utf8').trim();
}

/** The real host, but for a controller that it is said not to have. */
function hostWithout(controller: Controller): CgroupHost {
  const host = findCgroupHost();
  return { ...host, controllers: new Map([...host.controllers].filter(([name]) => name !== controller)) };
}

describe('limits', () => {
  it('a process above its memory limit is killed, one below it lives', async () => {
    const sandbox = house.base().sandbox('memory');
    sandbox.create();
    sandbox.setLimits({ memoryBytes: 16 * MiB });
    const [modest, greedy] = [
      await house.enter(sandbox, ['touch', String(4 * MiB)], 'work'),
      await house.enter(sandbox, ['touch', String(64 * MiB)], 'work'),
    ];
    release(modest);
    expect(await once(modest, 'exit')).toEqual([0, null]);
    release(greedy);
    expect(await once(greedy, 'exit')).toEqual([null, 'SIGKILL']);
  });

  it('the smallest memory limit lets a small program run', async () => {
    const sandbox = house.base().sandbox('small');
    sandbox.create();
    sandbox.setLimits({ memoryBytes: 4 * MiB });
    const child = await house.enter(sandbox, ['touch', '65536'], 'work');
    release(child);
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('leaves no swap beyond the memory limit, also when the limit is raised or lowered later', () => {
    const sandbox = house.base().sandbox('swap');
    sandbox.create();
    for (const bytes of [64 * MiB, 128 * MiB, 32 * MiB]) {
      sandbox.setLimits({ memoryBytes: bytes });
      expect(readLimit('memory', 'swap', 'memory.limit_in_bytes', 'memory.max')).toBe(String(bytes));
      const swap = readLimit('memory', 'swap', 'memory.memsw.limit_in_bytes', 'memory.swap.max');
      expect(['0', String(bytes)]).toContain(swap);
    }
  });

  it('a process that wants more than its CPU quota is throttled', async () => {
    const sandbox = house.base().sandbox('cpu');
    sandbox.create();
    // So little that one turn on a crowded machine's CPU exceeds it.
    sandbox.setLimits({ cpus: 0.01 });
    const child = await house.enter(sandbox, ['burn', '5'], 'work');
    release(child);
    await once(child, 'exit');
    const throttled = /^nr_throttled (\d+)$/m.exec(readLimit('cpu', 'cpu', 'cpu.stat', 'cpu.stat'))?.[1];
    expect(Number(throttled)).toBeGreaterThan(0);
  });

  it('a second process above a limit of one is refused with EAGAIN', async () => {
    const sandbox = house.base().sandbox('pids');
    sandbox.create();
    sandbox.setLimits({ pids: 1 });
    const child = await house.enter(sandbox, ['fork'], 'work');
    release(child);
    expect(await once(child, 'exit')).toEqual([11, null]);
  });

  it('a limit that is changed while programs run holds from then on', async () => {
    const sandbox = house.base().sandbox('live');
    sandbox.create();
    sandbox.setLimits({ memoryBytes: 16 * MiB, pids: 8 });
    const [first, second, bomb] = [
      await house.enter(sandbox, ['touch', String(32 * MiB)], 'work'),
      await house.enter(sandbox, ['touch', String(32 * MiB)], 'work'),
      await house.enter(sandbox, ['fork'], 'work'),
    ];
    sandbox.setLimits({ memoryBytes: 64 * MiB, pids: 3 });
    release(first);
    expect(await once(first, 'exit')).toEqual([0, null]);
    sandbox.setLimits({ memoryBytes: 16 * MiB, pids: 1 });
    release(second);
    expect(await once(second, 'exit')).toEqual([null, 'SIGKILL']);
    release(bomb);
    expect(await once(bomb, 'exit')).toEqual([11, null]);
  });

  it('a memory limit below what is in use is refused, and nobody is killed for it', async () => {
    const sandbox = house.base().sandbox('lowered');
    sandbox.create();
    sandbox.setLimits({ memoryBytes: 64 * MiB });
    const child = await house.enter(sandbox, ['hold', String(32 * MiB)], 'work');
    release(child);
    await once(child.stdout, 'data');
    expect(() => sandbox.setLimits({ memoryBytes: 16 * MiB })).toThrow(
      expect.objectContaining({ code: 'ERR_LIMIT_UNENFORCEABLE', errno: 'EBUSY', controllers: ['memory'] }),
    );
    expect(readLimit('memory', 'lowered', 'memory.limit_in_bytes', 'memory.max')).toBe(String(64 * MiB));
    expect(sandbox.stats().oomKills).toBe(0);
    expect(child.signalCode).toBeNull();
  });

  it.each(['memory', 'cpu', 'pids'] as const)(
    // Mutation: return early from LimitFiles.requireAvailable.
    'inv-47: without the %s controller its limit is refused by name, and no other limit is written',
    (controller) => {
      const sandbox = house.base({ host: hostWithout(controller) }).sandbox('closed');
      sandbox.create();
      const before = { memory: undefined, cpu: undefined, pids: undefined, ...limitsOf('closed', controller) };
      const limits = { memoryBytes: 32 * MiB, cpus: 0.5, pids: 7 };
      expect(() => sandbox.setLimits(limits)).toThrow(
        expect.objectContaining({
          code: 'ERR_LIMIT_UNENFORCEABLE',
          controllers: [controller],
          message: expect.stringContaining(`${controller}: in no mounted cgroup hierarchy`),
        }),
      );
      expect({ memory: undefined, cpu: undefined, pids: undefined, ...limitsOf('closed', controller) }).toEqual(before);
    },
  );

  // Mutation: swallow the error in LimitFiles.write.
  it('inv-47: a limit that the kernel refuses to take is an error that names hierarchy and reason', (context) => {
    const cpu = findCgroupHost().controllers.get('cpu');
    if (cpu?.version !== 1) context.skip('only the v1 cpu controller refuses a quota above the one of its parent');
    const sandbox = house.base().sandbox('inner');
    sandbox.create();
    writeFileSync(`${cpu?.mount}/${house.path}/cpu.cfs_quota_us`, '50000');
    expect(() => sandbox.setLimits({ cpus: 1 })).toThrow(
      expect.objectContaining({
        code: 'ERR_LIMIT_UNENFORCEABLE',
        controllers: ['cpu'],
        errno: 'EINVAL',
        message: expect.stringMatching(/v1 hierarchy.*cpu\.cfs_quota_us.*above the limit of a group further up/),
      }),
    );
  });

  // Mutation: give every wanted controller its place in openUnified, whatever enableControllers refused.
  it("inv-47: a v2 controller that the kernel does not enable is refused with the kernel's reason", (context) => {
    const host = findCgroupHost();
    if (host.controllers.get('memory')?.version !== 1) context.skip('needs a memory controller that v2 cannot enable');
    const base = house.base({ host: { ...host, controllers: new Map([['memory', host.unified]]) } });
    expect([...base.available]).toEqual([]);
    const sandbox = base.sandbox('refused');
    sandbox.create();
    expect(() => sandbox.setLimits({ memoryBytes: 16 * MiB })).toThrow(
      expect.objectContaining({
        code: 'ERR_LIMIT_UNENFORCEABLE',
        controllers: ['memory'],
        message: expect.stringMatching(/cgroup\.subtree_control": (ENOENT|EINVAL)/),
      }),
    );
  });

  it('says that the cgroup is missing, not that the limit cannot be enforced', () => {
    const sandbox = house.base().sandbox('never-made');
    expect(() => sandbox.setLimits({ pids: 3 })).toThrow(expect.objectContaining({ code: 'ERR_CGROUP_GONE' }));
  });
});

function limitsOf(sandbox: string, without: Controller): Partial<Record<Controller, string>> {
  const all = {
    memory: () => readLimit('memory', sandbox, 'memory.limit_in_bytes', 'memory.max'),
    cpu: () => readLimit('cpu', sandbox, 'cpu.cfs_quota_us', 'cpu.max'),
    pids: () => readLimit('pids', sandbox, 'pids.max', 'pids.max'),
  };
  return Object.fromEntries(
    Object.entries(all)
      .filter(([name]) => name !== without)
      .map(([name, read]) => [name, read()]),
  );
}
