import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { unmountDetached } from '@hatchery/linux';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { implementations, type Outcome, run } from './teardown/implementations.ts';
import { ending, expectUntouched, type Remains, TeardownHouse, v1Mount } from './teardown/teardown-house.ts';

const strace = spawnSync('strace', ['--version']).status === 0;

/** Runs a command whose system calls on one file fail. */
function failing(path: string, call: string, error: string): string[] {
  return ['strace', '-f', '-qq', '-o', '/dev/null', '-P', path, '-e', `inject=${call}:error=${error}`];
}

describe.each(implementations)('%s', (_, tearDown) => {
  const house = new TeardownHouse();
  let remains: Remains;
  let resident: Awaited<ReturnType<TeardownHouse['spawn']>>;
  let all: string[];

  beforeEach(async () => {
    remains = house.remains();
    remains.make();
    resident = await house.spawn([join(remains.cgroup, 'init')]);
    remains.takeForInit(resident.pid);
    all = remains.leftovers();
  });
  // Whatever went wrong, the sandbox can be removed once the reason is gone.
  afterEach(async () => {
    remains.record();
    expect((await tearDown(remains.directory)).failed).toBeNull();
    expect(remains.leftovers()).toEqual([]);
    expect(await ending(resident)).toBe('SIGKILL');
  });

  function expectRefused({ failed }: Outcome, step: string, text: RegExp | string): void {
    expect(failed).toEqual({ step, text: expect.stringMatching(text) });
    expectUntouched(resident);
    expect(remains.leftovers()).toEqual(all);
    expect(remains.isRecorded()).toBe(true);
  }

  describe('a record that cannot be meant is refused, and nothing is touched', () => {
    // Mutation: take_path() without the check of the last component; check_filesystem() returns 0: each kills the resident.
    test.each([
      ['of no known format', (head: string) => head.replace('hatchery-record 2', 'hatchery-record 3'), /line 1/],
      ['empty', () => '\n', /line 1/],
      ['of another sandbox', (head: string) => head.replaceAll(/\bh\d+\b/g, 'x1'), /directory is/],
      [
        'whose cgroup is another’s',
        (head: string) => head.replace(/^cgroup .*$/m, (line) => `${line}x`),
        /named after/,
      ],
      ['without a cgroup', (head: string) => head.replace(/^cgroup .*\n/m, ''), /"cgroup" is expected/],
      ['with init in place of a pid', (head: string) => head.replace(/^init \d+/m, 'init 1'), /not a pid above 1/],
      ['with a key that nobody knows', (head: string) => `${head}owner root\n`, /no known key/],
      [
        'whose paths go up',
        (head: string) => head.replace(/^root .*\/roots/m, 'root /var/../roots'),
        /plain absolute path/,
      ],
    ])('%s', async (_name, change, text) => {
      writeFileSync(join(remains.directory, 'record'), `${change(remains.head())}\n{}\n`, { mode: 0o600 });
      expectRefused(await tearDown(remains.directory), 'check the record', text);
    });

    test('a cgroup that is a plain directory', async () => {
      const cgroup = join(house.folder, 'roots', remains.id);
      writeFileSync(join(remains.directory, 'record'), remains.head().replace(/^cgroup .*$/m, `cgroup ${cgroup}`));
      expectRefused(await tearDown(remains.directory), 'check the record', /not on cgroup v2/);
    });

    test('a v1 cgroup in place of the one in v2', async (context) => {
      const [cgroup] = remains.cgroupsV1;
      if (cgroup === undefined) context.skip('needs a v1 hierarchy of pids');
      writeFileSync(join(remains.directory, 'record'), remains.head().replace(/^cgroup .*$/m, `cgroup ${cgroup}`));
      expectRefused(await tearDown(remains.directory), 'check the record', /not on cgroup v2/);
    });

    // Mutation: open_parent_of() without the check of owner and mode.
    test.each([
      ['the leases', 'ids'],
      ['the roots', 'roots'],
      ['the sandboxes', 'run/instances/main/sandboxes'],
    ])('%s stand where others could have put them', async (_name, place) => {
      const directory = join(house.folder, place);
      chmodSync(directory, 0o777);
      expectRefused(await tearDown(remains.directory), 'check the record', /only root may change/);
      chmodSync(directory, 0o755);
      chownSync(directory, 65_534, 65_534);
      expectRefused(await tearDown(remains.directory), 'check the record', /user 65534/);
      chownSync(directory, 0, 0);
    });

    test('a lease that is no link', async () => {
      unlinkSync(remains.range);
      writeFileSync(remains.range, '');
      expectRefused(await tearDown(remains.directory), 'check the record', /readlink/);
      unlinkSync(remains.range);
    });
  });

  // Mutation: refuse_hosts() returns 0: process 1 of the namespace dies, and with it everything in it.
  test('inv-66: process 1 in its cgroup is not killed', async () => {
    const script = `echo 1 > ${remains.cgroup}/work/cgroup.procs; "$@"; code=$?; echo 1 > ${house.cgroup.path}/cgroup.procs; exit $code`;
    await endResident();
    const under = ['unshare', '-pf', '--mount-proc', 'sh', '-c', script, 'sh'];
    const { failed } = await tearDown(remains.directory, { under });
    expect(failed).toEqual({ step: 'kill every process', text: expect.stringContaining('process 1 is in') });
    expect(remains.leftovers()).toEqual(all);
  });

  test('a process that its pid namespace cannot name stops it', async () => {
    const under = ['unshare', '-pf', '--mount-proc'];
    expectRefused(await tearDown(remains.directory, { under }), 'look at what is alive', /cannot name/);
  });

  test('it does not kill itself', async () => {
    const under = ['sh', '-c', `echo $$ > ${remains.cgroup}/work/cgroup.procs; exec "$@"`, 'sh'];
    expectRefused(await tearDown(remains.directory, { under }), 'kill every process', /itself/);
  });

  // Mutation: identity_open_init() without lives_in_cgroup(): the phase kills the cgroup, and then waits for init.
  test('inv-66: init by pid and start time, but in another cgroup: nobody is signalled', async () => {
    writeFileSync(join(house.cgroup.path, 'cgroup.procs'), String(resident.pid));
    const other = await house.spawn([join(remains.cgroup, 'work')]);
    expectRefused(await tearDown(remains.directory), 'look at what is alive', /does not live in/);
    expectUntouched(other);
    writeFileSync(join(remains.cgroup, 'init/cgroup.procs'), String(resident.pid));
  });

  test('a record of another boot, but somebody lives in its cgroup: nobody is signalled', async () => {
    const { boot } = remains;
    remains.boot = '01234567-89ab-cdef-0123-456789abcdef';
    remains.record();
    const { failed } = await tearDown(remains.directory);
    expect(failed).toEqual({ step: 'remove the cgroups', text: expect.stringContaining(`pids ${resident.pid}`) });
    expectUntouched(resident);
    expect(remains.isRecorded()).toBe(true);
    remains.boot = boot;
  });

  // Mutation: the failure of small_file_write() in cgroup_kill(), of pidfd_send_signal() in kill_batch(), is taken for
  // "no such process": the next wait blames the deadline, or everything goes under a living resident.
  test('inv-37: a kill that fails stops it: the record stays, nothing is released', async (context) => {
    if (!strace) context.skip('strace is not installed');
    const under = failing(join(remains.cgroup, 'cgroup.kill'), 'write', 'EPERM');
    const outcome = await tearDown(remains.directory, { under });
    expectRefused(outcome, 'kill every process', /cgroup\.kill\).*not permitted/i);
  });

  test('inv-37: so does a signal that fails', async (context) => {
    if (!strace) context.skip('strace is not installed');
    if (remains.cgroupsV1.length === 0) context.skip('needs a v1 hierarchy of pids');
    const stray = await house.spawn(remains.cgroupsV1);
    const under = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'inject=pidfd_send_signal:error=EPERM'];
    const { failed } = await tearDown(remains.directory, { under });
    expect(failed).toEqual({
      step: 'kill every process',
      text: expect.stringContaining(`pidfd_send_signal(${stray.pid}`),
    });
    expectUntouched(stray);
    expect(remains.leftovers()).toEqual(all);
  });

  // Mutation: members_list() returns 0 when read() fails.
  test.for([
    ['init/cgroup.procs', 'look at what is alive'],
    ['cgroup.events', 'wait until the cgroups are empty'],
  ] as const)('inv-49: %s that cannot be read is an error, never "empty"', async ([file, step], context) => {
    if (!strace) context.skip('strace is not installed');
    const under = failing(join(remains.cgroup, file), 'read,pread64', 'EIO');
    const { failed } = await tearDown(remains.directory, { under });
    expect(failed).toEqual({ step, text: expect.stringMatching(/i\/o error|input\/output error/i) });
    expect(remains.leftovers()).toEqual(all);
  });

  // Mutation: wait_for_init() and wait_until_empty() return 0 at the deadline.
  test('inv-67: who survives the kill is named, and everything that it may use stays', async (context) => {
    const mount = v1Mount('freezer') ?? '';
    if (mount === '') context.skip('needs a v1 freezer, which is what makes a process outlive its kill');
    const freezer = join(mount, `hatchery-teardown-${process.pid}`);
    mkdirSync(freezer);
    writeFileSync(join(freezer, 'cgroup.procs'), String(resident.pid));
    writeFileSync(join(freezer, 'freezer.state'), 'FROZEN');
    try {
      // Where it does not see the freezer, it cannot help.
      const under = ['unshare', '-m', 'sh', '-c', `umount ${mount}; exec "$@"`, 'sh'];
      const { failed } = await tearDown(remains.directory, { under, waitMs: 300 });
      expect(failed?.step).toBe('wait for the exit of init');
      expect(failed?.text).toContain(`pids ${resident.pid}`);
      expect(remains.leftovers()).toEqual(all);
    } finally {
      writeFileSync(join(freezer, 'freezer.state'), 'THAWED');
      await ending(resident);
      rmdirSync(freezer);
    }
  });

  // Mutation: the steps "remove the directory" and "remove the root's files" the other way round.
  test('inv-72: a step that fails is named with what stood in its way, and the record stays', async () => {
    const place = join(remains.root, 'etc/hosts');
    await run(['mount', '--bind', '/dev/null', place]);
    const first = await tearDown(remains.directory);
    unmountDetached(place);
    expect(first.failed).toEqual({
      step: "remove the root's files",
      text: expect.stringContaining(`${remains.id}/etc/hosts`),
    });
    expect(remains.isRecorded()).toBe(true);
    const socket = join(remains.directory, 'init.sock');
    await run(['mount', '--bind', '/dev/null', socket]);
    const second = await tearDown(remains.directory);
    unmountDetached(socket);
    expect(second.failed).toEqual({ step: 'remove the directory', text: expect.stringContaining('init.sock') });
    expect(remains.isRecorded()).toBe(true);
    expect(existsSync(remains.root)).toBe(false);
    expect(lstatSync(remains.range).isSymbolicLink()).toBe(true);
  });

  // Mutation: empty_directory() does not pass over the record.
  test('inv-72: the record is the last file to go', async (context) => {
    if (!strace) context.skip('strace is not installed');
    for (let count = 0; count < 20; count++) writeFileSync(join(remains.directory, `file${count}`), '');
    const log = join(house.folder, 'calls');
    const { failed } = await tearDown(remains.directory, {
      under: ['strace', '-f', '-o', log, '-e', 'trace=unlinkat'],
    });
    expect(failed).toBeNull();
    const calls = readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => /unlinkat\(.* = 0$/.test(line));
    const names = calls.map((line) => /"([^"]+)"/.exec(line)?.[1]);
    // Then the directory itself, and the lease.
    expect(names.slice(-3)).toEqual(['record', remains.id, basename(remains.range)]);
    expect(names.filter((name) => name?.startsWith('file'))).toHaveLength(20);
    mkdirSync(remains.directory);
  });

  async function endResident(): Promise<void> {
    resident.kill('SIGKILL');
    await ending(resident);
  }
});
