import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { lockFile } from '@hatchery/linux';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildShim } from './kernel/build-shim.ts';
import { deleteArguments, run } from './teardown/implementations.ts';
import { ending, expectUntouched, type Remains, TeardownHouse } from './teardown/teardown-house.ts';

// What is only true of the mode; what it does to a sandbox is in teardown-contract and teardown-refusals.
describe('hatchery-shim delete', () => {
  const house = new TeardownHouse();
  let remains: Remains;
  let resident: Awaited<ReturnType<TeardownHouse['spawn']>>;

  beforeEach(async () => {
    remains = house.remains();
    remains.make();
    resident = await house.spawn([join(remains.cgroup, 'init')]);
    remains.takeForInit(resident.pid);
  });
  afterEach(async () => {
    remains.record();
    expect((await remove()).code).toBe(0);
    expect(remains.leftovers()).toEqual([]);
    expect(await ending(resident)).toBe('SIGKILL');
  });

  type Said = Awaited<ReturnType<typeof run>>;
  const remove = (...under: string[]): Promise<Said> =>
    run([...under, buildShim('hatchery-shim'), ...deleteArguments(remains.directory)]);

  function expectUntouchedBy({ code, stdout, stderr }: Said, expected: number, text: RegExp): void {
    expect(stderr).toMatch(text);
    expect(code).toBe(expected);
    expect(stdout).toBe('');
    expectUntouched(resident);
    expect(remains.leftovers().length).toBe(4 + remains.cgroupsV1.length);
  }

  test('a line for each result', async () => {
    const { code, stdout, stderr } = await remove();
    expect(stdout).toBe(
      `alive 1: pids ${resident.pid}\nended: no process is left\nremoved: sandbox ${remains.id} of instance main\n`,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const again = await remove();
    expect(again).toEqual({ code: 0, stdout: `nothing there: ${remains.directory}\n`, stderr: '' });
    mkdirSync(remains.directory);
  });

  // Mutation: instance_lock() ignores EWOULDBLOCK.
  test('an instance that a runner has open is left alone, and the runner named', async () => {
    const lock = openSync(join(house.instance, 'lock'), 'w+');
    lockFile(lock, 'exclusive');
    writeFileSync(lock, '4711\n');
    expectUntouchedBy(await remove(), 75, /process 4711 has instance main open/);
    closeSync(lock);
  });

  // Mutation: read_record() without its checks; openat() of the record without O_NOFOLLOW.
  describe('a record that somebody else could have made is refused', () => {
    const record = (): string => join(remains.directory, 'record');

    test('a symbolic link', async () => {
      renameSync(record(), join(house.folder, 'elsewhere'));
      symlinkSync(join(house.folder, 'elsewhere'), record());
      expectUntouchedBy(await remove(), 65, /symbolic links/);
      unlinkSync(record());
      unlinkSync(join(house.folder, 'elsewhere'));
    });

    test('a file that others may write', async () => {
      chmodSync(record(), 0o666);
      expectUntouchedBy(await remove(), 65, /only root can have written/);
      unlinkSync(record());
    });

    test('a file with another name elsewhere', async () => {
      linkSync(record(), join(house.folder, 'elsewhere'));
      expectUntouchedBy(await remove(), 65, /only root can have written/);
      unlinkSync(join(house.folder, 'elsewhere'));
    });

    test('a FIFO, which does not hang it either', async () => {
      unlinkSync(record());
      await run(['mkfifo', record()]);
      expectUntouchedBy(await remove(), 65, /only root can have written/);
      unlinkSync(record());
    });

    test('a record without an end', async () => {
      writeFileSync(record(), 'x'.repeat(1 << 20));
      expectUntouchedBy(await remove(), 65, /more than 32768 bytes/);
    });

    test('a whole sandbox behind a link', async () => {
      renameSync(remains.directory, join(house.folder, 'elsewhere'));
      symlinkSync(join(house.folder, 'elsewhere'), remains.directory);
      expectUntouchedBy(await remove(), 65, /symbolic links|Not a directory/);
      unlinkSync(remains.directory);
      renameSync(join(house.folder, 'elsewhere'), remains.directory);
    });

    test('an instance behind a link', async () => {
      renameSync(house.instance, join(house.folder, 'elsewhere'));
      symlinkSync(join(house.folder, 'elsewhere'), house.instance);
      expectUntouchedBy(await remove(), 66, /symbolic links/);
      unlinkSync(house.instance);
      renameSync(join(house.folder, 'elsewhere'), house.instance);
    });
  });

  test('a directory without a record is removed when it is empty, and only then', async () => {
    const other = house.remains();
    mkdirSync(other.directory);
    writeFileSync(join(other.directory, 'record.new'), 'half');
    const shim = buildShim('hatchery-shim');
    const removed = await run([shim, ...deleteArguments(other.directory)]);
    expect(removed).toMatchObject({ code: 0, stdout: expect.stringContaining('no more than a directory') });
    expect(existsSync(other.directory)).toBe(false);
    mkdirSync(other.directory);
    writeFileSync(join(other.directory, 'init.sock'), '');
    const kept = await run([shim, ...deleteArguments(other.directory)]);
    expect(kept).toMatchObject({ code: 65, stderr: expect.stringContaining('has no record') });
    unlinkSync(join(other.directory, 'init.sock'));
    rmdirSync(other.directory);
  });

  test('a run directory reached through a link is the same one: the lease goes, too', async () => {
    symlinkSync(dirname(dirname(house.instance)), join(house.folder, 'link'));
    const argv = [...deleteArguments(remains.directory)];
    argv[2] = join(house.folder, 'link');
    expect(await run([buildShim('hatchery-shim'), ...argv])).toMatchObject({ code: 0, stderr: '' });
    expect(remains.leftovers()).toEqual([]);
    unlinkSync(join(house.folder, 'link'));
    mkdirSync(remains.directory);
  });

  test('the runtime’s part of the record may be long', async () => {
    writeFileSync(join(remains.directory, 'record'), `${remains.head()}\n${'x'.repeat(1 << 20)}\n`, { mode: 0o600 });
    expect(await remove()).toMatchObject({ code: 0, stderr: '' });
    mkdirSync(remains.directory);
  });

  // Mutation: the record is removed first: the second run finds none, and the rest stays.
  test.for(['unlinkat', 'write', 'openat', 'pidfd_open'])(
    'killed at any %s, a second run removes the rest',
    async (call, context) => {
      if (spawnSync('strace', ['--version']).status !== 0) context.skip('strace is not installed');
      let points = 0;
      for (let code: number | null = null; code !== 0; points++) {
        const inject = `inject=${call}:signal=SIGKILL:when=${points + 1}`;
        const first = await remove('strace', '-f', '-qq', '-o', '/dev/null', '-e', inject);
        code = first.code;
        expect((await remove()).code).toBe(0);
        // Killed between the record and the lease: that one is found by its target at the next open of the instance.
        const left = remains.leftovers();
        expect([[], [remains.range]]).toContainEqual(left);
        for (const path of left) unlinkSync(path);
        if (code !== 0) {
          await ending(resident);
          remains.make();
          resident = await house.spawn([join(remains.cgroup, 'init'), ...remains.cgroupsV1]);
          remains.takeForInit(resident.pid);
        }
      }
      expect(points).toBeGreaterThan(1);
      mkdirSync(remains.directory);
    },
  );

  test('who is not root is told so', async () => {
    chmodSync(house.folder, 0o755);
    const shim = buildShim('hatchery-shim');
    const copy = join(house.folder, 'shim');
    await run(['cp', shim, copy]);
    const argv = ['setpriv', '--reuid', '65534', '--clear-groups', copy, ...deleteArguments(remains.directory)];
    expectUntouchedBy(await run(argv), 77, /start it as root/);
  });

  test.each([
    [[], '--run-directory and --id are needed'],
    [['--id', 'x'], '--run-directory and --id are needed'],
    [['--run-directory', '/run', '--id', '../x'], '--id takes'],
    [['--run-directory', '/run', '--id', 'x', '--instance', 'a/b'], '--instance takes'],
    [['--run-directory', '/run', '--id', 'x', '--wait-ms', 'soon'], '--wait-ms takes'],
    [['--run-directory', '/run', '--id'], 'an option has no value'],
    [['--force', 'yes'], 'unknown option'],
  ])('%j is a usage error', async (argv, text) => {
    const { code, stdout, stderr } = await run([buildShim('hatchery-shim'), 'delete', ...argv]);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toContain(text);
    expect(stderr).toContain('usage: hatchery-shim delete --run-directory');
  });

  test('an instance that is not there is an error, a sandbox that is not there is none', async () => {
    const argv = [...deleteArguments(remains.directory)];
    argv[4] = 'none';
    expectUntouchedBy(await run([buildShim('hatchery-shim'), ...argv]), 66, /instances\/none/);
  });
});
