import { once } from 'node:events';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type BusyCgroup, findCgroupHost, type SandboxCgroup } from '../src/index.ts';
import { mounts, pidOf, release, type Tenant, TenantHouse } from './tenant.ts';

const house = new TenantHouse();
house.install();

function sandboxWithLog(name: string): { sandbox: SandboxCgroup; warnings: BusyCgroup[] } {
  const warnings: BusyCgroup[] = [];
  const base = house.base({ logger: { warn: (details) => warnings.push(details) } });
  const sandbox = base.sandbox(name);
  sandbox.create();
  return { sandbox, warnings };
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

async function firstLine(child: Tenant): Promise<string> {
  const [chunk] = await once(child.stdout, 'data');
  return String(chunk).trim();
}

describe('SandboxCgroup', () => {
  it('is two v2 cgroups below its own and one in each v1 hierarchy, all or none', () => {
    const base = house.base();
    const sandbox = base.sandbox('twin');
    sandbox.create();
    const [unified, ...v1] = mounts().map((mount) => `${mount}/${house.path}/twin`);
    for (const path of [`${unified}/init`, `${unified}/work`, ...v1]) expect(existsSync(path), path).toBe(true);
    expect(() => sandbox.create()).toThrow(expect.objectContaining({ code: 'ERR_CGROUP_EXISTS' }));
    expect(base.list()).toEqual(['twin']);
  });

  it('undoes a create that finds one of its directories taken', () => {
    const base = house.base();
    const taken = `${mounts().at(-1)}/${house.path}/half`;
    mkdirSync(taken);
    expect(() => base.sandbox('half').create()).toThrow(expect.objectContaining({ code: 'ERR_CGROUP_EXISTS' }));
    expect(mounts().filter((mount) => existsSync(`${mount}/${house.path}/half`))).toHaveLength(1);
    rmdirSync(taken);
    expect(base.list()).toEqual([]);
  });

  it('works on directories that another process made', async () => {
    const base = house.base();
    for (const mount of mounts()) mkdirSync(`${mount}/${house.path}/foreign`);
    mkdirSync(`${mounts()[0]}/${house.path}/foreign/work`);
    const sandbox = base.sandbox('foreign');
    sandbox.setLimits({ pids: 5 });
    expect(sandbox.populated()).toBe(false);
    await sandbox.remove();
    expect(base.list()).toEqual([]);
  });

  it('tells the pids of init, work and what is nested below', async () => {
    const { sandbox } = sandboxWithLog('nested');
    mkdirSync(`${sandbox.path}/work/deep`);
    const children = [
      await house.enter(sandbox, ['pause'], 'init'),
      await house.enter(sandbox, ['pause'], 'work'),
      await house.enter(sandbox, ['pause'], 'work/deep'),
    ];
    expect(sandbox.pids().toSorted((a, b) => a - b)).toEqual(children.map(pidOf).toSorted((a, b) => a - b));
    await sandbox.remove();
  });

  it('waitUnpopulated resolves when the last process ends, and times out before', async () => {
    const { sandbox } = sandboxWithLog('waiting');
    const child = await house.enter(sandbox, ['burn', '0'], 'work');
    await expect(sandbox.waitUnpopulated({ timeoutMs: 0 })).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_CGROUP_TIMEOUT' }),
    );
    const empty = sandbox.waitUnpopulated({ timeoutMs: 10_000 });
    release(child);
    await empty;
    expect(sandbox.populated()).toBe(false);
  });

  it('waitUnpopulated ends with the reason of an aborted signal', async () => {
    const { sandbox } = sandboxWithLog('aborting');
    await house.enter(sandbox, ['pause'], 'work');
    const controller = new AbortController();
    const waiting = sandbox.waitUnpopulated({ timeoutMs: Number.POSITIVE_INFINITY, signal: controller.signal });
    const reason = new Error('no longer wanted');
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });
});

describe('removal', () => {
  // Mutation: write cgroup.kill before the first rmdir, and log it.
  it('inv-46: an empty cgroup is removed by plain rmdir, nothing logged; removing it again is fine', async () => {
    const { sandbox, warnings } = sandboxWithLog('empty');
    await sandbox.remove();
    await sandbox.remove();
    expect(warnings).toEqual([]);
    expect(house.base().list()).toEqual([]);
  });

  // Mutation: leave the warning out of removeCgroup, or the kill.
  it('inv-46: a busy cgroup is logged with errno and pids, killed and removed', async () => {
    const { sandbox, warnings } = sandboxWithLog('busy');
    const child = await house.enter(sandbox, ['pause'], 'work');
    await sandbox.remove();
    expect(warnings).toEqual([expect.objectContaining({ errno: 'EBUSY', pids: [pidOf(child)] })]);
    expect(house.base().list()).toEqual([]);
  });

  // Mutation: in removeCgroup return after the deadline instead of throwing.
  it('inv-46: processes that no kill reaches are named by the error, and the cgroup can be removed once they can die', async (context) => {
    const { sandbox } = sandboxWithLog('survivor');
    const freezer = v1Freezer();
    if (freezer === null) context.skip('needs a v1 freezer hierarchy, to make a process that outlives SIGKILL');
    const child = await house.enter(sandbox, ['pause'], 'work');
    await frozenByV1(child, async () => {
      await expect(sandbox.remove({ timeoutMs: 100 })).rejects.toThrow(
        expect.objectContaining({
          code: 'ERR_CGROUP_BUSY',
          errno: 'EBUSY',
          pids: [pidOf(child)],
          message: expect.stringContaining(`still in it: ${pidOf(child)}.`),
        }),
      );
    });
    await sandbox.remove();
    expect(house.base().list()).toEqual([]);
  });

  // Mutation: do not pass the signal on to waitUnpopulated.
  it('inv-46: a removal that waits for a survivor ends with the reason of its signal', async (context) => {
    const { sandbox, warnings } = sandboxWithLog('cancelled');
    if (v1Freezer() === null) context.skip('needs a v1 freezer hierarchy, to make a process that outlives SIGKILL');
    const child = await house.enter(sandbox, ['pause'], 'work');
    await frozenByV1(child, async () => {
      const controller = new AbortController();
      const removal = sandbox.remove({ signal: controller.signal });
      const reason = new Error('shutting down');
      controller.abort(reason);
      await expect(removal).rejects.toBe(reason);
      expect(warnings).toHaveLength(1);
    });
    const aborted = AbortSignal.abort(new Error('before it began'));
    await expect(sandbox.remove({ signal: aborted })).rejects.toThrow('before it began');
    expect(sandbox.path).toSatisfy(existsSync);
  });

  // Mutation: in kill(), SIGKILL only the process that was started (pids()[0]).
  it('inv-48: a fork bomb at its pids limit is gone after kill, and its cgroup after remove', async () => {
    const { sandbox, warnings } = sandboxWithLog('bomb');
    sandbox.setLimits({ pids: 100 });
    const bomb = await house.enter(sandbox, ['bomb'], 'work');
    release(bomb);
    expect(await firstLine(bomb)).toMatch(/^full/);
    const members = sandbox.pids();
    expect(members.length).toBeGreaterThan(50);
    sandbox.kill();
    await sandbox.waitUnpopulated({ timeoutMs: 20_000 });
    expect(sandbox.pids()).toEqual([]);
    await sandbox.remove();
    expect(warnings).toEqual([]);
    expect(house.base().list()).toEqual([]);
  });

  // Mutation: write to <name>/init/cgroup.kill only.
  it('inv-48: a grandchild in a session of its own, whose parent is gone, is gone after kill, and its cgroup after remove', async () => {
    const { sandbox } = sandboxWithLog('daemon');
    const child = await house.enter(sandbox, ['daemonise'], 'work');
    const exited = once(child, 'exit');
    release(child);
    const pid = Number(await firstLine(child));
    await exited;
    expect(sandbox.pids()).toEqual([pid]);
    // Only the grandchild holds the pipe by now.
    const pipeClosed = once(child.stdout, 'close');
    sandbox.kill();
    await sandbox.waitUnpopulated({ timeoutMs: 10_000 });
    await sandbox.remove();
    await pipeClosed;
    expect(house.base().list()).toEqual([]);
  });

  // Mutation: SIGTERM to each of pids() in place of cgroup.kill: a frozen process does not act on it.
  it('inv-48: a frozen cgroup is removed as it is', async () => {
    const { sandbox } = sandboxWithLog('frozen');
    const child = await house.enter(sandbox, ['pause'], 'work');
    writeFileSync(`${sandbox.path}/work/cgroup.freeze`, '1');
    await sandbox.remove();
    if (child.signalCode === null) await once(child, 'exit');
    expect(child.signalCode).toBe('SIGKILL');
  });

  // Mutation: leave killMembers out of SandboxCgroup.#killAll.
  it('inv-48: a process that stands only in a v1 cgroup of the sandbox is gone too', async (context) => {
    const { sandbox } = sandboxWithLog('stray');
    const v1 = mounts()[1];
    if (v1 === undefined) context.skip('this host has no v1 hierarchy');
    const child = house.spawn('pause');
    await once(child, 'spawn');
    writeFileSync(`${v1}/${house.path}/stray/cgroup.procs`, String(pidOf(child)));
    const exited = once(child, 'exit');
    await sandbox.remove();
    expect(await exited).toEqual([null, 'SIGKILL']);
    expect(isAlive(pidOf(child))).toBe(false);
    expect(house.base().list()).toEqual([]);
  });

  // Mutation: catch the error in treeProcesses and return [].
  it('inv-49: a cgroup.procs or cgroup.events that cannot be read is an error, never "empty"', async () => {
    const { sandbox } = sandboxWithLog('unreadable');
    await house.enter(sandbox, ['pause'], 'work');
    // The kernel answers a read of a threaded cgroup's cgroup.procs with EOPNOTSUPP.
    mkdirSync(`${sandbox.path}/work/threads`);
    writeFileSync(`${sandbox.path}/work/threads/cgroup.type`, 'threaded');
    expect(() => sandbox.pids()).toThrow(
      expect.objectContaining({
        code: 'ERR_CGROUP_IO',
        message: expect.stringMatching(/threads\/cgroup\.procs": (EOPNOTSUPP|ENOTSUP)/),
      }),
    );
    await sandbox.remove();
    expect(() => sandbox.pids()).toThrow(expect.objectContaining({ code: 'ERR_CGROUP_GONE' }));
    expect(() => sandbox.populated()).toThrow(expect.objectContaining({ code: 'ERR_CGROUP_GONE' }));
    await expect(sandbox.waitUnpopulated({ timeoutMs: 1000 })).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_CGROUP_GONE' }),
    );
  });
});

function v1Freezer(): string | null {
  const path = '/sys/fs/cgroup/freezer';
  return findCgroupHost().mode === 'hybrid' && existsSync(`${path}/tasks`) ? path : null;
}

/** Runs `act` while the v1 freezer holds the tenant: unlike v2's, it lets not even SIGKILL through. */
async function frozenByV1(child: Tenant, act: () => Promise<void>): Promise<void> {
  const group = `${v1Freezer()}/hatchery-test-${process.pid}`;
  mkdirSync(group);
  try {
    writeFileSync(`${group}/cgroup.procs`, String(pidOf(child)));
    writeFileSync(`${group}/freezer.state`, 'FROZEN');
    await act();
  } finally {
    const gone = child.signalCode === null ? once(child, 'exit') : null;
    child.kill('SIGKILL');
    writeFileSync(`${group}/freezer.state`, 'THAWED');
    await gone;
    rmdirSync(group);
  }
}
