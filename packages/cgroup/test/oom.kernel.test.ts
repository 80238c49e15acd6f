import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type CgroupHost, findCgroupHost, type OomEvent, type SandboxCgroup } from '../src/index.ts';
import { release, type Tenant, TenantHouse } from './tenant.ts';

const house = new TenantHouse();
house.install();
const MiB = 1024 * 1024;

function limitedSandbox(name: string): SandboxCgroup {
  const sandbox = house.base().sandbox(name);
  sandbox.create();
  sandbox.setLimits({ memoryBytes: 16 * MiB });
  return sandbox;
}

/** Starts one that wants more than there is, and waits for its end. */
async function exceed(sandbox: SandboxCgroup): Promise<void> {
  const child: Tenant = await house.enter(sandbox, ['touch', String(64 * MiB)], 'work');
  const exited = once(child, 'exit');
  release(child);
  expect(await exited).toEqual([null, 'SIGKILL']);
}

describe('watchOom', () => {
  // Mutation: in oom-events-v1.ts call onEvent at once only: the kernel counts later than it tells.
  it('each kill is told, with how many there were', async () => {
    const sandbox = limitedSandbox('struck');
    const events: OomEvent[] = [];
    let told = Promise.withResolvers<void>();
    const watch = sandbox.watchOom((event) => {
      events.push(event);
      told.resolve();
    });
    for (const total of [1, 2, 3]) {
      await exceed(sandbox);
      await told.promise;
      told = Promise.withResolvers();
      expect(events.at(-1)).toEqual({ kills: 1, total });
    }
    expect(sandbox.stats().oomKills).toBe(3);
    watch[Symbol.dispose]();
    watch[Symbol.dispose]();
    await exceed(sandbox);
    expect(events).toHaveLength(3);
    expect(sandbox.oomKills()).toBe(4);
  });

  // Mutation: begin with seen = 0 and leave it at that.
  it('tells nothing of what was before, and what several watches of one group are told is the same', async () => {
    const sandbox = limitedSandbox('twofold');
    await exceed(sandbox);
    const totals: Promise<OomEvent>[] = [0, 1].map(
      () =>
        new Promise((resolve) => {
          const watch = sandbox.watchOom((event) => {
            watch[Symbol.dispose]();
            resolve(event);
          });
        }),
    );
    await exceed(sandbox);
    expect(await Promise.all(totals)).toEqual([
      { kills: 1, total: 2 },
      { kills: 1, total: 2 },
    ]);
  });

  it('a process killed otherwise is no OOM kill', async () => {
    const sandbox = limitedSandbox('killed');
    const events: OomEvent[] = [];
    const told = Promise.withResolvers<void>();
    using _watch = sandbox.watchOom((event) => {
      events.push(event);
      told.resolve();
    });
    const child = await house.enter(sandbox, ['pause'], 'work');
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    await exceed(sandbox);
    await told.promise;
    expect(events).toEqual([{ kills: 1, total: 1 }]);
  });

  // Mutation: leave out the disposal in check(): the descriptor of the watch stays open.
  it('a watch of a group that was removed is told nothing and can be disposed of; with v1 it ends by itself', async () => {
    const sandbox = limitedSandbox('ending');
    const before = readdirSync('/proc/self/fd').length;
    const watch = sandbox.watchOom(() => expect.unreachable());
    expect(readdirSync('/proc/self/fd').length).toBeGreaterThan(before);
    await sandbox.remove();
    if (findCgroupHost().controllers.get('memory')?.version === 2) watch[Symbol.dispose]();
    await expect.poll(() => readdirSync('/proc/self/fd').length, { timeout: 10_000 }).toBe(before);
    watch[Symbol.dispose]();
  });

  it('is refused for a group that is gone, and by name where nothing counts kills', async () => {
    const sandbox = limitedSandbox('refused');
    await sandbox.remove();
    expect(() => sandbox.watchOom(() => {})).toThrow(expect.objectContaining({ code: 'ERR_CGROUP_GONE' }));
    const host: CgroupHost = { ...findCgroupHost(), controllers: new Map() };
    const uncounted = house.base({ host }).group('uncounted');
    uncounted.create();
    expect(() => uncounted.watchOom(() => {})).toThrow(
      expect.objectContaining({
        code: 'ERR_CGROUP_UNSUPPORTED',
        controllers: ['memory'],
        message: expect.stringContaining('in no mounted cgroup hierarchy'),
      }),
    );
  });
});
