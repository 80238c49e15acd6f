import {
  existsSync,
  mkdirSync,
  readFileSync,
  readSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { bytesReadable, closeFd, makePipe, openPidfd, processStartTime, sendSignal } from '@hatchery/linux';
import { afterEach, describe, expect, test } from 'vitest';
import { hostPid } from './kernel/host-pid.ts';
import { readToEnd } from './kernel/read-to-end.ts';
import { readable, SandboxFixture, type TestSandbox } from './kernel/sandbox-fixture.ts';
import { cgroupSays } from './kernel/test-cgroup.ts';
import { untilWriting } from './kernel/until-writing.ts';
import { implementations } from './teardown/implementations.ts';
import { ending, expectUntouched, type Remains, TeardownHouse, v1Mount } from './teardown/teardown-house.ts';

const SIGKILL = 9;
const SIGSTOP = 19;

// inv-63: one contract, both implementations of calling the one routine; no case asks the sandbox for anything.
describe.each(implementations)('inv-63: %s', (_, tearDown) => {
  describe('a sandbox', () => {
    const house = new TeardownHouse();
    const fixture = new SandboxFixture();
    let sandbox: TestSandbox;
    let remains: Remains;

    async function start(make = {}): Promise<void> {
      remains = house.remains();
      mkdirSync(remains.directory, { mode: 0o711 });
      const sandboxDirectory = fixture.open(remains.directory);
      sandbox = await fixture.sandbox(await fixture.zygote(), {}, { id: remains.id, sandboxDirectory, ...make });
      remains.cgroup = sandbox.cgroup;
      remains.cgroupsV1 = [];
      symlinkSync(remains.directory, remains.range);
      remains.takeForInit(sandbox.pid);
    }

    async function expectGone(): Promise<void> {
      await readable(sandbox.pidfd);
      expect(remains.leftovers()).toEqual([]);
      expect(existsSync(`/proc/${sandbox.pid}/root/bin`)).toBe(false);
    }

    test('running: it is told what lived, and everything of it goes', async () => {
      await start();
      const { pidfd } = await sandbox.exec(['guest', 'hold']);
      const held = hostPid(pidfd);
      const { ended, failed } = await tearDown(remains.directory);
      expect(failed).toBeNull();
      expect(ended).toEqual({ alive: 2, pids: [sandbox.pid, held].toSorted((a, b) => a - b) });
      await expectGone();
      await readable(pidfd);
    });

    // A pid namespace dies with its init; what only cgroup.kill reaches is in 'an intent' below.
    test('inv-48: daemons in sessions of their own go, too', async () => {
      await start();
      const [output, stdout] = makePipe();
      await sandbox.run(['guest', 'daemonise'], { stdout });
      const procs = (): string[] => readFileSync(join(remains.cgroup, 'work/cgroup.procs'), 'utf8').trim().split('\n');
      closeFd(stdout);
      const [daemon = ''] = procs();
      const pidfd = fixture.own(openPidfd(Number(daemon)));
      const { ended } = await tearDown(remains.directory);
      expect(ended).toMatchObject({ alive: 2 });
      await expectGone();
      await readable(pidfd);
      expect(await readToEnd(output)).toMatch(/^\d+\n$/);
    });

    // Mutation: cgroup.freeze is written 0 before the kill: bytes come.
    test('inv-69: frozen: not an instruction of it runs any more', async () => {
      await start();
      const [output, stdout] = makePipe();
      const { pidfd } = await sandbox.exec(['guest', 'yes'], { stdout });
      untilWriting(hostPid(pidfd));
      writeFileSync(join(remains.cgroup, 'work/cgroup.freeze'), '1');
      await cgroupSays(join(remains.cgroup, 'work'), /^frozen 1$/m);
      closeFd(stdout);
      // With room in its pipe it would write as soon as it ran.
      const written = bytesReadable(output);
      for (let left = written; left > 0; ) left -= readSync(output, Buffer.alloc(left));
      const { failed } = await tearDown(remains.directory);
      expect(failed).toBeNull();
      await expectGone();
      expect(written).toBe(65_536);
      expect(await readToEnd(output)).toBe('');
    });

    test('init stopped by SIGSTOP', async () => {
      await start();
      await sandbox.exec(['guest', 'hold']);
      sendSignal(sandbox.pidfd, SIGSTOP);
      const { ended, failed } = await tearDown(remains.directory);
      expect(failed).toBeNull();
      expect(ended).toMatchObject({ alive: 2 });
      await expectGone();
    });

    test('init killed before: what is left goes, and nothing was alive', async () => {
      await start();
      sendSignal(sandbox.pidfd, SIGKILL);
      await readable(sandbox.pidfd);
      expect(await tearDown(remains.directory)).toEqual({ ended: { alive: 0, pids: [] }, failed: null });
      await expectGone();
    });

    // Mutation: cgroup.kill is not written: ETIMEDOUT. (SIGKILL to init, or to one after the other, is green as well and slower.)
    test('inv-48: a fork bomb goes at once', async (context) => {
      const pids = v1Mount('pids') ?? '';
      const cpu = v1Mount('cpu') ?? '';
      if (pids === '' || cpu === '') context.skip('needs v1 hierarchies of pids and cpu, to bound the bomb');
      await start();
      const [output, stdout] = makePipe();
      const [stdin, fuse] = makePipe();
      const { pidfd } = await sandbox.exec(['guest', 'bomb'], { stdin, stdout });
      // Little of the processors: or starting the teardown takes half a minute among so many that fork.
      const bounds = { [pids]: ['pids.max', '150'], [cpu]: ['cpu.shares', '64'] };
      remains.cgroupsV1 = Object.keys(bounds).map((mount) => join(mount, remains.id));
      for (const [mount, [file = '', limit = '']] of Object.entries(bounds)) {
        mkdirSync(join(mount, remains.id));
        writeFileSync(join(mount, remains.id, file), limit);
        writeFileSync(join(mount, remains.id, 'cgroup.procs'), String(hostPid(pidfd)));
      }
      remains.record();
      writeSync(fuse, '!');
      await readable(output);
      const { ended, failed } = await tearDown(remains.directory);
      expect(failed).toBeNull();
      expect(ended?.alive).toBeGreaterThan(100);
      expect(ended?.pids).toHaveLength(64);
      await expectGone();
      for (const fd of [stdin, fuse, stdout]) closeFd(fd);
      expect(await readToEnd(output)).toMatch(/^(full\n)+$/);
    });

    test('10,000 files in its root', async () => {
      await start({ rootInodes: 20_000 });
      expect(await sandbox.run(['guest', 'files', '10000', '/bin'])).toBe(0);
      const { failed } = await tearDown(remains.directory);
      expect(failed).toBeNull();
      await expectGone();
    });
  });

  describe('what is left of one', () => {
    const house = new TeardownHouse();
    let remains: Remains;
    afterEach(() => {
      expect(remains.leftovers()).toEqual([]);
    });

    async function expectDone(alive: number): Promise<void> {
      const { ended, failed } = await tearDown(remains.directory);
      expect(failed).toBeNull();
      expect(ended).toMatchObject({ alive });
    }

    test('a root on disk with files and links goes, what its links point to stays', async () => {
      remains = house.remains();
      remains.make();
      await expectDone(0);
      expect(existsSync('/etc/passwd')).toBe(true);
    });

    test('only the directory with the record', async () => {
      remains = house.remains();
      mkdirSync(remains.directory);
      remains.record();
      await expectDone(0);
    });

    test('only the cgroups, and the record that names them', async () => {
      remains = house.remains();
      mkdirSync(remains.directory);
      remains.makeCgroups();
      remains.record();
      await expectDone(0);
    });

    // Mutation: kill_every_process() only when the record has a line "init".
    test('inv-65: an intent: a process that was cloned but not recorded is found by its cgroup and ended', async () => {
      remains = house.remains();
      remains.make();
      const cloned = await house.spawn([join(remains.cgroup, 'init'), ...remains.cgroupsV1]);
      await expectDone(1);
      expect(await ending(cloned)).toBe('SIGKILL');
    });

    // Mutation: release_range() and remove_root() fail on ENOENT.
    test('inv-68: twice, and when parts of it are gone already', async () => {
      remains = house.remains();
      remains.make();
      unlinkSync(remains.range);
      rmSync(remains.root, { recursive: true });
      await expectDone(0);
      mkdirSync(remains.directory);
      remains.record();
      await expectDone(0);
    });

    // Mutation: kill only v2: it lives on in the v1 cgroup, whose rmdir says EBUSY for ever.
    test('inv-48: a process moved out of v2 by hand is found in v1 and ended', async (context) => {
      if (v1Mount('pids') === null) context.skip('needs a v1 hierarchy of pids');
      remains = house.remains();
      remains.make();
      const moved = await house.spawn(remains.cgroupsV1);
      await expectDone(1);
      expect(await ending(moved)).toBe('SIGKILL');
    });

    // Mutation: freezer_let_die() does nothing: ETIMEDOUT.
    test('inv-48: a process that somebody’s v1 freezer holds is ended, its neighbour stays frozen', async (context) => {
      const mount = v1Mount('freezer');
      if (mount === null) context.skip('needs a v1 freezer');
      remains = house.remains();
      remains.make();
      const freezer = join(mount ?? '', `hatchery-teardown-${process.pid}`);
      mkdirSync(freezer);
      try {
        const held = await house.spawn([join(remains.cgroup, 'work'), freezer]);
        const neighbour = await house.spawn([freezer]);
        writeFileSync(join(freezer, 'freezer.state'), 'FROZEN');
        await expectDone(1);
        expect(await ending(held)).toBe('SIGKILL');
        expect(readFileSync(join(freezer, 'freezer.state'), 'utf8')).toMatch(/^FR/);
        expect(readFileSync(join(freezer, 'cgroup.procs'), 'utf8')).toBe(`${neighbour.pid}\n`);
      } finally {
        writeFileSync(join(freezer, 'freezer.state'), 'THAWED');
        for (const pid of readFileSync(join(freezer, 'cgroup.procs'), 'utf8').trim().split('\n'))
          writeFileSync(join(mount ?? '', 'cgroup.procs'), pid);
        rmdirSync(freezer);
      }
    });

    // Mutation: identity_open_init() without started_at(): the bystander is waited for, and then named as a survivor.
    test('inv-38: a record whose pid means somebody else by now: nobody is signalled, everything goes', async () => {
      remains = house.remains();
      remains.make();
      const bystander = await house.spawn([]);
      remains.init = { pid: bystander.pid, startTime: (processStartTime(bystander.pid) ?? 0n) - 1n };
      remains.record();
      await expectDone(0);
      expectUntouched(bystander);
    });

    // Mutation: identity_same_boot() always says so: init's pid is taken for it, and the teardown refuses.
    test('inv-66: a record of another boot: nobody is signalled, everything goes', async () => {
      remains = house.remains();
      remains.make();
      const bystander = await house.spawn([]);
      remains.boot = '01234567-89ab-cdef-0123-456789abcdef';
      remains.takeForInit(bystander.pid);
      await expectDone(0);
      expectUntouched(bystander);
    });

    test('a lease that is another instance’s by now stays, and so does its file', async () => {
      remains = house.remains();
      remains.make();
      unlinkSync(remains.range);
      symlinkSync(join(house.folder, 'run/instances/other/sandboxes/x'), remains.range);
      await tearDown(remains.directory);
      expect(remains.leftovers()).toEqual([remains.range]);
      unlinkSync(remains.range);
    });
  });
});
