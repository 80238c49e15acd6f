import { readSync, writeFileSync } from 'node:fs';
import { bytesReadable, closeFd, createSealedMemfd, makePipe, sendSignal } from '@hatchery/linux';
import { describe, expect, test } from 'vitest';
import { ShimError, WireError } from '../src/index.ts';
import { countDescriptors, readable, SandboxFixture, type TestSandbox } from './kernel/sandbox-fixture.ts';
import { setLastPid } from './kernel/set-last-pid.ts';
import { untilIdle } from './kernel/until-idle.ts';

const SIGPIPE = 13;
const SIGKILL = 9;

describe.each(['hatchery-shim', 'hatchery-shim-asan'] as const)('%s', (variant) => {
  const fixture = new SandboxFixture(variant);
  const start = async (): Promise<TestSandbox> => fixture.sandbox(await fixture.zygote());

  function pipe(): { reader: number; writer: number; closeWriter: () => void } {
    const [reader, writer] = makePipe();
    fixture.own(reader);
    let open = true;
    const closeWriter = (): void => {
      if (open) closeFd(writer);
      open = false;
    };
    fixture.release(closeWriter);
    return { reader, writer, closeWriter };
  }

  // Mutation: on_exec adds the execution under the number before it (`request->execution - 1`).
  test('inv-18: 400 executions in one sandbox return 400 exit codes, each its own', async () => {
    const sandbox = await start();
    const codes = Array.from({ length: 400 }, (_, index) => index % 256);
    const statuses = await Promise.all(codes.map((code) => sandbox.run(['guest', 'exit', String(code)])));
    expect(statuses).toEqual(codes.map((code) => code << 8));
  });

  // Mutation: epoll_wait in serve() or in zygote_main() with a timeout of 100.
  test('inv-20: zygote and init wait for events without a timeout, and an exit wakes them', async () => {
    const zygote = await fixture.zygote();
    const sandbox = await fixture.sandbox(zygote);
    const { reader, closeWriter } = pipe();
    const { execution, pidfd } = await sandbox.exec(['guest', 'wait'], { stdin: reader });
    for (const pid of [zygote.pid, sandbox.pid]) untilIdle(pid);
    closeWriter();
    expect((await sandbox.exits.of(execution)).waitStatus).toBe(0);
    await readable(pidfd);
  });

  // Mutation: execution_ended without its test of `ended`.
  test('inv-21: the status of a process whose pid was used before goes to the younger execution only', async () => {
    const sandbox = await start();
    const first = await sandbox.exec(['guest', 'exit', '3']);
    await sandbox.exits.of(first.execution);
    // Not acknowledged: init still has it in its table, with its pid.
    const { reader, closeWriter } = pipe();
    let younger = await sandbox.exec(['guest', 'exit', '5'], { stdin: reader });
    while (younger.pid !== first.pid) {
      await sandbox.exits.of(younger.execution);
      sandbox.init.acknowledge(younger.execution);
      setLastPid(sandbox.pid, first.pid - 1);
      younger = await sandbox.exec(['guest', 'exit', '5'], { stdin: reader });
    }
    closeWriter();
    expect((await sandbox.exits.of(younger.execution)).waitStatus).toBe(5 << 8);
    await sandbox.init.ping();
    expect(sandbox.exits.all.filter((exit) => exit.execution === first.execution)).toEqual([
      expect.objectContaining({ waitStatus: 3 << 8 }),
    ]);
    expect(sendSignal(first.pidfd, SIGKILL)).toBe(false);
  });

  // Mutation: drop the sigprocmask of exec.c's child; or its close_range, with one descriptor inheritable; or ignore a signal
  // in the zygote.
  test('inv-23: a child starts with default signals, an empty mask, its three descriptors and no variable but its own', async () => {
    const sandbox = await start();
    const { reader, writer, closeWriter } = pipe();
    const argv = ['guest', 'report'];
    const block = Buffer.from([...argv, 'ONLY=this'].map((text) => `${text}\0`).join(''));
    expect(await sandbox.run(argv, { stdout: writer, block, envc: 1 })).toBe(0);
    closeWriter();
    const report = read(reader).split('\n');
    for (const name of ['SigBlk', 'SigIgn', 'SigCgt', 'SigPnd']) expect(report).toContain(`${name}:\t0000000000000000`);
    expect(report.filter((line) => line.startsWith('descriptor'))).toEqual([0, 1, 2].map((fd) => `descriptor ${fd}`));
    expect(report.filter((line) => line.startsWith('variable'))).toEqual(['variable ONLY=this']);
  });

  // Mutation: SIGPIPE ignored in the zygote, as it is in Node (spawnIsolated and restore_default_signals both undo that).
  test('inv-23: `yes` ends when nobody reads its output any more', async () => {
    const sandbox = await start();
    const [reader, writer] = makePipe();
    const { execution } = await sandbox.exec(['guest', 'yes'], { stdout: writer });
    closeFd(writer);
    await readable(reader);
    expect(bytesReadable(reader)).toBeGreaterThan(0);
    closeFd(reader);
    expect((await sandbox.exits.of(execution)).waitStatus).toBe(SIGPIPE);
  });

  // Mutation: drop the close(pidfd) of a failed child in exec.c.
  test('inv-26: 1000 failed executions leave every count of open descriptors as it was', async () => {
    const zygote = await fixture.zygote();
    const sandbox = await fixture.sandbox(zygote);
    const count = () => {
      for (const pid of [zygote.pid, sandbox.pid]) untilIdle(pid);
      return [process.pid, zygote.pid, sandbox.pid].map(countDescriptors);
    };
    const before = count();
    for (let round = 0; round < 10; round++) {
      const failures = Array.from({ length: 100 }, () => sandbox.init.exec(sandbox.execRequest(['missing'])));
      for (const failure of await Promise.allSettled(failures))
        expect(failure).toMatchObject({ reason: { code: 'ENOENT', step: 'execute', text: 'missing' } });
    }
    expect(count()).toEqual(before);
    expect(await sandbox.run(['guest', 'exit', '4'])).toBe(4 << 8);
  });

  // Mutation: child_fail names every step "exec"; child() without its chdir.
  test('a command that cannot start is a ShimError naming the step, and the next one runs', async () => {
    const sandbox = await start();
    const block = Buffer.from('guest\0');
    const unsealed = fixture.open('/proc/self/exe');
    const failures = [
      [['/bin/none'], {}, { code: 'ENOENT', step: 'execute', text: '/bin/none' }],
      [['/bin'], {}, { code: 'EACCES', step: 'execute', text: '/bin' }],
      [['guest'], { cwd: '/none' }, { code: 'ENOENT', step: 'change directory', text: '/none' }],
      [['guest'], { cwd: 'relative' }, { code: 'EINVAL', step: 'exec' }],
      [['guest'], { uid: 70_000 }, { code: 'EINVAL', step: 'become the user' }],
      [['guest'], { groups: [70_000] }, { code: 'EINVAL', step: 'become the user' }],
      [['guest'], { argc: 0 }, { code: 'EINVAL', step: 'exec' }],
      [['guest'], { argc: 2 }, { code: 'EINVAL', text: 'argument block: 1 strings, 2 announced' }],
      [['guest', 'x'], { argc: 1 }, { code: 'EINVAL', text: 'argument block: 2 bytes after the last string' }],
      [['guest'], { block: block.subarray(0, -1) }, { code: 'EINVAL', step: 'exec' }],
      [['guest'], { blockFile: unsealed }, { code: 'EINVAL', text: 'argument block: not a sealed memfd' }],
      [['guest'], { cgroup: unsealed }, { code: 'EBADF', step: 'clone' }],
    ] as const;
    for (const [argv, overrides, expected] of failures) {
      const failure = await sandbox.init.exec(sandbox.execRequest(argv, overrides)).catch((error: unknown) => error);
      expect(failure, JSON.stringify(expected)).toBeInstanceOf(ShimError);
      expect(failure).toMatchObject(expected);
    }
    const { reader } = pipe();
    const running = await sandbox.exec(['guest', 'wait'], { stdin: reader });
    const again = sandbox.init.exec(sandbox.execRequest(['guest'], { execution: running.execution }));
    await expect(again).rejects.toMatchObject({ code: 'EEXIST', step: 'exec' });
    sendSignal(running.pidfd, SIGKILL);
    expect((await sandbox.exits.of(running.execution)).waitStatus).toBe(SIGKILL);
    expect(await sandbox.run(['guest', 'exit', '4'])).toBe(4 << 8);
  });

  test('arguments of a megabyte travel in a sealed memfd', async () => {
    const sandbox = await start();
    const argv = ['guest', 'exit', '6', ...Array.from({ length: 16 }, () => 'x'.repeat(65_000))];
    const bytes = Buffer.from(argv.map((text) => `${text}\0`).join(''));
    const blockFile = fixture.own(createSealedMemfd('arguments', bytes));
    expect(await sandbox.run(argv, { block: Buffer.alloc(0), blockFile })).toBe(6 << 8);
    const tooLong = fixture.own(createSealedMemfd('arguments', Buffer.from(`guest\0${'y'.repeat(200_000)}\0`)));
    const refused = sandbox.init.exec(sandbox.execRequest([], { argc: 2, block: Buffer.alloc(0), blockFile: tooLong }));
    await expect(refused).rejects.toMatchObject({ code: 'E2BIG', step: 'execute' });
  });

  // Mutation: drop `value.length > max` in bytesSize of wire/writer.ts; drop_half_character cuts everything above 127.
  test('inv-28: a message over a limit is refused before it is sent, and an error text that is too long is cut', async () => {
    const sandbox = await start();
    const refused = await sandbox.init.exec(sandbox.execRequest(['x'.repeat(50_000)])).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(WireError);
    expect(refused).toMatchObject({
      code: 'ERR_WIRE_LIMIT',
      message: expect.stringMatching(/50001 bytes, limit 49152/),
    });
    const name = `/${'é€'.repeat(700)}`;
    const missing = await sandbox.init.exec(sandbox.execRequest([name])).catch((error: unknown) => error);
    expect(missing).toMatchObject({ code: 'ENAMETOOLONG', step: 'execute' });
    const { text } = missing as ShimError;
    expect(name.startsWith(text) && text.length > 50, text).toBe(true);
    expect(await sandbox.run(['guest', 'exit', '4'])).toBe(4 << 8);
  });

  // Mutation: the zygote makes the sandbox itself wait for `parked`, or runs executions (it would stall with the frozen one).
  test('inv-29: an execution that hangs before execve delays neither the zygote nor another sandbox', async () => {
    const zygote = await fixture.zygote();
    const stalled = await fixture.sandbox(zygote);
    const other = await fixture.sandbox(zygote);
    const freezer = `${stalled.cgroup}/work/cgroup.freeze`;
    writeFileSync(freezer, '1');
    let settled = false;
    const hanging = stalled.exec(['guest', 'exit', '8']).finally(() => (settled = true));
    const limited = new AbortController();
    const late = stalled.init.exec(stalled.execRequest(['guest', 'exit', '9']), { signal: limited.signal });
    await zygote.ping();
    const third = await fixture.sandbox(zygote);
    expect(await Promise.all([other.run(['guest', 'exit', '4']), third.run(['guest', 'exit', '5'])])).toEqual([
      4 << 8,
      5 << 8,
    ]);
    expect(settled).toBe(false);
    // The caller is let go at once; what starts all the same is killed.
    limited.abort(new Error('enough'));
    await expect(late).rejects.toThrow('enough');
    writeFileSync(freezer, '0');
    const { execution } = await hanging;
    expect((await stalled.exits.of(execution)).waitStatus).toBe(8 << 8);
    await stalled.exits.count(2);
    expect(await stalled.run(['guest', 'exit', '4'])).toBe(4 << 8);
  });
});

function read(fd: number): string {
  const bytes = Buffer.alloc(bytesReadable(fd));
  return bytes.toString('utf8', 0, readSync(fd, bytes));
}
