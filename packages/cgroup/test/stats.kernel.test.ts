import { once } from 'node:events';
import { mkdirSync, rmdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type CgroupHost, createCgroup, findCgroupHost } from '../src/index.ts';
import { release, TenantHouse } from './tenant.ts';

const house = new TenantHouse();
house.install();
const MiB = 1024 * 1024;

/** The real host, but for its limit controllers. */
function hostWithoutControllers(): CgroupHost {
  return { ...findCgroupHost(), controllers: new Map() };
}

describe('stats', () => {
  it('tells what the programs of a group use now and used at most', async () => {
    const group = createCgroup({ path: house.path });
    expect(group.stats()).toMatchObject({ cpuMs: 0, pids: 0, oomKills: 0 });
    const holder = await house.enter(group, ['hold', String(32 * MiB)]);
    const burner = await house.enter(group, ['burn', '50']);
    release(burner);
    await once(burner, 'exit');
    release(holder);
    await once(holder.stdout, 'data');
    const held = group.stats();
    expect(held.pids).toBe(1);
    expect(held.cpuMs).toBeGreaterThanOrEqual(50);
    expect(held.memoryBytes).toBeGreaterThanOrEqual(32 * MiB);
    expect(held.memoryPeakBytes).toBeGreaterThanOrEqual(held.memoryBytes ?? Number.NaN);
    group.kill();
    await once(holder, 'exit');
    const after = group.stats();
    expect(after.memoryBytes).toBeLessThan(32 * MiB);
    expect(after.memoryPeakBytes).toBeGreaterThanOrEqual(32 * MiB);
    await group.remove();
  });

  it('tells the pressure where the kernel keeps it', (context) => {
    const group = house.base().group('pressed');
    group.create();
    const { pressure } = group.stats();
    if (pressure.cpu === undefined) context.skip('this kernel keeps no pressure stall information');
    const idle = { avg10: 0, avg60: 0, avg300: 0, totalMs: 0 };
    expect(pressure).toEqual({
      cpu: { some: idle, full: idle },
      memory: { some: idle, full: idle },
      io: { some: idle, full: idle },
    });
  });

  // Mutation: let countOf and parseOomKills return 0 for what is not there.
  it('what the host does not count is undefined, never 0', () => {
    const group = house.base({ host: hostWithoutControllers() }).group('uncounted');
    group.create();
    expect(group.stats()).toMatchObject({
      memoryBytes: undefined,
      memoryPeakBytes: undefined,
      pids: undefined,
      oomKills: undefined,
      cpuMs: 0,
    });
    expect(group.oomKills()).toBeUndefined();
  });

  // Mutation: leave #requireSame out of StatFiles.read.
  it('inv-74: a removed group has no numbers, and never those of a later group of its name', async () => {
    const sandbox = house.base().sandbox('reborn');
    sandbox.create();
    const identity = sandbox.identity();
    expect(sandbox.stats({ identity }).cpuMs).toBe(0);
    await sandbox.remove();
    expect(() => sandbox.stats({ identity })).toThrow(expect.objectContaining({ code: 'ERR_CGROUP_GONE' }));
    expect(() => sandbox.stats()).toThrow(expect.objectContaining({ code: 'ERR_CGROUP_GONE' }));
    expect(sandbox.oomKills()).toBeUndefined();

    sandbox.create();
    expect(sandbox.identity()).not.toBe(identity);
    expect(sandbox.stats().cpuMs).toBe(0);
    expect(() => sandbox.stats({ identity })).toThrow(
      expect.objectContaining({ code: 'ERR_CGROUP_GONE', message: expect.stringContaining('another cgroup') }),
    );
  });

  // Mutation: leave the identity out of createCgroup's stats.
  it('inv-74: the same for a group of createCgroup that somebody removed and made again', async () => {
    const group = createCgroup({ path: house.path });
    const [unified] = house.base({ path: house.parent }).group('main').paths();
    rmdirSync(unified ?? '');
    expect(() => group.stats()).toThrow(expect.objectContaining({ code: 'ERR_CGROUP_GONE' }));
    mkdirSync(unified ?? '');
    expect(() => group.stats()).toThrow(expect.objectContaining({ code: 'ERR_CGROUP_GONE' }));
    await group.remove();
    expect(() => group.stats()).toThrow(expect.objectContaining({ code: 'ERR_CGROUP_CLOSED' }));
  });
});
