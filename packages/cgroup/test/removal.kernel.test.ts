import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { BusyCgroup, CgroupHost, SandboxCgroup } from '../src/index.ts';
import { mounts, pidOf, release, type Tenant, TenantHouse } from './tenant.ts';
import { freezerGroup, frozenByV1, pausedContainer, v1Freezer } from './v1-freezer.ts';

const house = new TenantHouse();
house.install();

function sandboxWithLog(name: string, host?: CgroupHost): { sandbox: SandboxCgroup; warnings: BusyCgroup[] } {
  const warnings: BusyCgroup[] = [];
  const base = house.base({ logger: { warn: (details) => warnings.push(details) }, ...(host && { host }) });
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
    if (v1Freezer() === null) context.skip('needs a v1 freezer hierarchy, to make a process that outlives SIGKILL');
    const { sandbox } = sandboxWithLog('survivor', pausedContainer());
    const child = await house.enter(sandbox, ['pause'], 'work');
    await frozenByV1(child, async () => {
      await expect(sandbox.remove({ timeoutMs: 100 })).rejects.toThrow(
        expect.objectContaining({
          code: 'ERR_CGROUP_BUSY',
          errno: 'EBUSY',
          pids: [pidOf(child)],
          message: expect.stringMatching(
            `still in it: ${pidOf(child)}; the v1 freezer holds ${pidOf(child)} in ${freezerGroup}: write THAWED`,
          ),
        }),
      );
      expect(() => sandbox.kill()).toThrow(
        expect.objectContaining({ code: 'ERR_CGROUP_FROZEN', pids: [pidOf(child)] }),
      );
    });
    await sandbox.remove();
    expect(house.base().list()).toEqual([]);
  });

  // Mutation: do not pass the signal on to waitUnpopulated.
  it('inv-46: a removal that waits for a survivor ends with the reason of its signal', async (context) => {
    if (v1Freezer() === null) context.skip('needs a v1 freezer hierarchy, to make a process that outlives SIGKILL');
    const { sandbox, warnings } = sandboxWithLog('cancelled', pausedContainer());
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

  // Mutation: in stillBusy ask target.survivors() itself, whose error then takes the place of this one.
  it('inv-46: a removal that fails says so also where it cannot be read who is left', async (context) => {
    if (v1Freezer() === null) context.skip('needs a v1 freezer hierarchy, to make a process that outlives SIGKILL');
    const { sandbox, warnings } = sandboxWithLog('unlisted', pausedContainer());
    const child = await house.enter(sandbox, ['pause'], 'work');
    makeThreaded(`${sandbox.path}/work/threads`);
    writeFileSync(`${sandbox.path}/work/threads/cgroup.threads`, String(pidOf(child)));
    await frozenByV1(child, async () => {
      const unread = expect.stringMatching(
        /cannot be read who is still in it \(.*threads\/cgroup\.procs": (EOPNOTSUPP|ENOTSUP)/,
      );
      await expect(sandbox.remove({ timeoutMs: 100 })).rejects.toThrow(
        expect.objectContaining({ code: 'ERR_CGROUP_BUSY', errno: 'EBUSY', message: unread }),
      );
      expect(warnings).toEqual([expect.objectContaining({ pids: expect.stringContaining('threads/cgroup.procs') })]);
    });
  });

  // Mutation: in removeTree do without listChildren, as if a group had no children but its parts.
  it('inv-46: cgroups that others made below, in any hierarchy, go along', async () => {
    const { sandbox } = sandboxWithLog('deep');
    for (const path of sandbox.paths()) mkdirSync(`${path}/one/two`, { recursive: true });
    mkdirSync(`${sandbox.path}/work/one/two`, { recursive: true });
    await house.enter(sandbox, ['pause'], 'work/one/two');
    await house.enter(sandbox, ['pause'], 'one/two');
    await sandbox.remove();
    expect(house.base().list()).toEqual([]);
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

  // Mutation: leave out the release from the v1 freezer in SandboxCgroup.kill, and in RemovableCgroup.killAll.
  it.for(['kill', 'remove'] as const)(
    'inv-48: %s ends also what a v1 freezer holds, and thaws nobody else in there',
    async (call, context) => {
      if (v1Freezer() === null) context.skip('needs a v1 freezer hierarchy');
      const { sandbox } = sandboxWithLog('held');
      const child = await house.enter(sandbox, ['say', 'I ran'], 'work');
      const bystander = house.spawn('pause');
      await once(bystander, 'spawn');
      await frozenByV1(bystander, async () => {
        await frozenByV1(child, async () => {
          release(child);
          const exited = once(child, 'exit');
          if (call === 'kill') sandbox.kill();
          else await sandbox.remove();
          expect(await exited).toEqual([null, 'SIGKILL']);
          // What it was about to do when it was frozen it never did.
          expect(child.stdout.read()).toBeNull();
          expect(readFileSync(`${v1Freezer()}${freezerGroup}/cgroup.procs`, 'utf8')).toBe(`${pidOf(bystander)}\n`);
          expect(readFileSync(`${v1Freezer()}${freezerGroup}/freezer.state`, 'utf8')).toBe('FROZEN\n');
        });
      });
      await sandbox.remove();
      expect(house.base().list()).toEqual([]);
    },
  );

  // Mutation: SIGKILL to each of pids() in place of cgroup.kill.
  it('inv-48: a fork bomb that was frozen as it went off is gone after kill', async () => {
    const { sandbox } = sandboxWithLog('frozen-bomb');
    sandbox.setLimits({ pids: 100 });
    const bomb = await house.enter(sandbox, ['bomb'], 'work');
    release(bomb);
    expect(await firstLine(bomb)).toMatch(/^full/);
    await sandbox.freeze();
    sandbox.kill();
    await sandbox.waitUnpopulated({ timeoutMs: 20_000 });
    await sandbox.remove();
    expect(house.base().list()).toEqual([]);
  });

  // Mutation: leave killMembers out of RemovableCgroup.killAll; for the second, have it list the v1 cgroup alone.
  it.for(['', '/below'])(
    'inv-48: a process that stands only in a v1 cgroup of the sandbox%s is gone too',
    async (below, context) => {
      const { sandbox } = sandboxWithLog('stray');
      const v1 = sandbox.paths()[1];
      if (v1 === undefined) context.skip('this host has no v1 hierarchy');
      const child = house.spawn('pause');
      await once(child, 'spawn');
      mkdirSync(`${v1}${below}`, { recursive: true });
      writeFileSync(`${v1}${below}/cgroup.procs`, String(pidOf(child)));
      const exited = once(child, 'exit');
      await sandbox.remove();
      expect(await exited).toEqual([null, 'SIGKILL']);
      expect(isAlive(pidOf(child))).toBe(false);
      expect(house.base().list()).toEqual([]);
    },
  );

  // Mutation: catch the error in treeProcesses and return [].
  it('inv-49: a cgroup.procs or cgroup.events that cannot be read is an error, never "empty"', async () => {
    const { sandbox } = sandboxWithLog('unreadable');
    await house.enter(sandbox, ['pause'], 'work');
    // The kernel answers a read of a threaded cgroup's cgroup.procs with EOPNOTSUPP.
    makeThreaded(`${sandbox.path}/work/threads`);
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

function makeThreaded(path: string): void {
  mkdirSync(path);
  writeFileSync(`${path}/cgroup.type`, 'threaded');
}
