import { readFileSync, readSync, writeSync } from 'node:fs';
import { bytesReadable, closeFd, connectSeqpacket, createMemfd, duplicateFd, makePipe } from '@hatchery/linux';
import { describe, expect, test } from 'vitest';
import type { ExecMessage } from '../src/index.ts';
import { hostPid } from './kernel/host-pid.ts';
import { NextRunner } from './kernel/next-runner.ts';
import { readToEnd } from './kernel/read-to-end.ts';
import { countDescriptors, SandboxFixture, type TestSandbox, token } from './kernel/sandbox-fixture.ts';
import { untilIdle } from './kernel/until-idle.ts';
import { untilWriting } from './kernel/until-writing.ts';

const SIGINT = 2;
const SIGPIPE = 13;
/** Their output is more than a pipe holds (64 KiB). */
const lines = 40_000;

function memfdOf(text: string): number {
  const fd = createMemfd('ring');
  writeSync(fd, text, 0);
  return fd;
}

function contentOf(fd: number | null): string {
  return fd === null ? 'none' : readFileSync(`/proc/self/fd/${fd}`, 'utf8');
}

describe.each(['hatchery-shim', 'hatchery-shim-asan'] as const)('%s', (variant) => {
  const fixture = new SandboxFixture(variant);
  const lasting = async (): Promise<TestSandbox> => fixture.sandbox(await fixture.zygote(), { orphanMs: 60_000 });

  function countOf(sandbox: TestSandbox): number {
    untilIdle(sandbox.pid);
    return countDescriptors(sandbox.pid);
  }

  /** Starts a command whose output init keeps; of what was made, the read end of stdout and the pidfd are left. */
  async function startDurable(
    sandbox: TestSandbox,
    argv: readonly string[],
    overrides: Partial<ExecMessage> = {},
  ): Promise<{ execution: number; reader: number; pidfd: number }> {
    const [stdoutKept, stdout] = makePipe();
    const [stderrKept, stderr] = makePipe();
    const ring = memfdOf('what the runner had read before');
    const given = { durable: true, stdout, stderr, stdoutKept, stderrKept, ring };
    try {
      const { execution, pidfd } = await sandbox.init.exec(sandbox.execRequest(argv, { ...given, ...overrides }));
      return { execution, reader: stdoutKept, pidfd };
    } catch (error) {
      closeFd(stdoutKept);
      throw error;
    } finally {
      for (const fd of [stdout, stderr, stderrKept, ring]) closeFd(fd);
    }
  }

  // Mutation: keepsake_of without stdout_kept (SIGPIPE instead of a full pipe) or the label; inbox_give of it left out.
  test('inv-44: a runner that vanishes loses no byte: the writer waits, and the next runner gets pipes, ring and label', async () => {
    const sandbox = await lasting();
    const label = Buffer.from([0, 255, 1]);
    const { execution, reader, pidfd } = await startDurable(sandbox, ['guest', 'count', String(lines)], { label });
    const head = Buffer.alloc(100);
    const read = head.toString('latin1', 0, readSync(reader, head));
    // As by kill -9: nothing is said.
    sandbox.init.close();
    closeFd(reader);
    untilWriting(hostPid(fixture.own(pidfd)));
    const runner = await NextRunner.resume(fixture, sandbox);
    const { stdoutKept, stderrKept, ring, label: told, terminal } = runner.told(execution);
    expect(Buffer.from(told)).toEqual(label);
    expect(terminal).toBeNull();
    expect(contentOf(ring)).toBe('what the runner had read before');
    expect(runner.exits.all).toEqual([]);
    if (stdoutKept === null || stderrKept === null) throw new Error('an end is missing');
    const rest = await readToEnd(duplicateFd(stdoutKept));
    expect(read + rest).toBe(Array.from({ length: lines }, (_, line) => `${line}\n`).join(''));
    expect(bytesReadable(stderrKept)).toBe(0);
    expect((await runner.exits.of(execution)).waitStatus).toBe(0);
  });

  // Mutation: keepsake_of never takes the master (SIGHUP instead).
  test('inv-44: a terminal lives on without its runner, and the next one types on it', async () => {
    const sandbox = await lasting();
    const terminal = { terminal: true, columns: 80, rows: 24, stdout: null, stderr: null, durable: true };
    const execed = await sandbox.init.exec(sandbox.execRequest(['guest', 'hold'], terminal));
    sandbox.init.close();
    for (const fd of [execed.pidfd, execed.terminal]) if (fd !== null) closeFd(fd);
    const runner = await NextRunner.resume(fixture, sandbox);
    const master = runner.told(execed.execution).terminal;
    expect(runner.exits.all).toEqual([]);
    if (master === null) throw new Error('no terminal came');
    writeSync(master, '\x03');
    expect((await runner.exits.of(execed.execution)).waitStatus).toBe(SIGINT);
  });

  // Mutation: on_release does nothing; or takes stderr for stdout.
  test('release: once the runner closes its own end, too, the writer gets SIGPIPE', async () => {
    const sandbox = await lasting();
    const before = countOf(sandbox);
    const { execution, reader, pidfd } = await startDurable(sandbox, ['guest', 'yes']);
    expect(countOf(sandbox)).toBe(before + 3);
    closeFd(reader);
    untilWriting(hostPid(fixture.own(pidfd)));
    sandbox.init.release(execution, { stdout: false, stderr: true });
    await sandbox.init.ping();
    expect(countOf(sandbox)).toBe(before + 2);
    untilWriting(hostPid(pidfd));
    sandbox.init.release(execution, { stdout: true, stderr: false });
    expect((await sandbox.exits.of(execution)).waitStatus).toBe(SIGPIPE);
    expect(countOf(sandbox)).toBe(before + 1);
    // Once more, and of one that is not there.
    sandbox.init.release(execution, { stdout: true, stderr: true });
    sandbox.init.release(77, { stdout: true, stderr: true });
    await sandbox.init.ping();
    const { stdoutKept, stderrKept, ring } = (await NextRunner.resume(fixture, sandbox)).told(execution);
    expect([stdoutKept, stderrKept, contentOf(ring)]).toEqual([null, null, 'what the runner had read before']);
  });

  // Mutation: execution_forget without the ring, without execution_release.
  test('what is kept outlives the command and goes when its exit is acknowledged', async () => {
    const sandbox = await lasting();
    const before = countOf(sandbox);
    const { execution, reader, pidfd } = await startDurable(sandbox, ['guest', 'exit', '3']);
    for (const fd of [reader, pidfd]) closeFd(fd);
    await sandbox.exits.of(execution);
    expect(countOf(sandbox)).toBe(before + 3);
    sandbox.init.acknowledge(execution);
    await sandbox.init.ping();
    expect(countOf(sandbox)).toBe(before);
  });

  // Mutation: execution_forget without the ring, without execution_release.
  test('inv-26: 1000 durable executions leave every count of open descriptors as it was', async () => {
    const sandbox = await lasting();
    const count = () => [countDescriptors(process.pid), countOf(sandbox)];
    const before = count();
    for (let round = 0; round < 10; round++) {
      const starts = Array.from({ length: 100 }, async (_, index) => {
        const failing = index % 10 === 0;
        const started = startDurable(sandbox, failing ? ['missing'] : ['guest', 'exit', '3']);
        if (failing) return expect(started).rejects.toMatchObject({ code: 'ENOENT' });
        const { execution, reader, pidfd } = await started;
        for (const fd of [reader, pidfd]) closeFd(fd);
        expect((await sandbox.exits.of(execution)).waitStatus).toBe(3 << 8);
        return sandbox.init.acknowledge(execution);
      });
      await Promise.all(starts);
    }
    await sandbox.init.ping();
    expect(count()).toEqual(before);
  }, 60_000);

  // Mutation: keep() of client.c keeps no descriptors: the decoder refuses what comes.
  test('a table of 400 durable executions reaches a runner that reads late, each with its own descriptors', async () => {
    const sandbox = await lasting();
    const [stdin, writer] = makePipe();
    const label = Buffer.alloc(512, 0xff);
    const numbers: number[] = [];
    for (let count = 0; count < 400; count++) {
      const ring = memfdOf(String(numbers.length));
      const { execution, reader, pidfd } = await startDurable(sandbox, ['guest', 'wait'], { stdin, label, ring });
      for (const fd of [ring, reader, pidfd]) closeFd(fd);
      numbers.push(execution);
    }
    closeFd(stdin);
    sandbox.init.close();
    const runner = fixture.candidate(connectSeqpacket(sandbox.directory, 'init.sock'));
    runner.tell('hello', 1, { token, epoch: 5 });
    // This thread does not read now: the socket fills.
    untilIdle(sandbox.pid);
    expect((await runner.expect('welcome')).message.executions).toBe(numbers.length);
    for (const [index, number] of numbers.entries()) {
      const { message } = await runner.expect('execution');
      expect([message.execution, contentOf(message.ring), message.label.length]).toEqual([number, String(index), 512]);
      expect([message.stdoutKept, message.stderrKept, message.pidfd]).not.toContain(null);
    }
    closeFd(writer);
    for (let count = 0; count < numbers.length; count++)
      expect((await runner.expect('exit')).message.waitStatus).toBe(0);
  }, 60_000);

  // Mutation: executions_may_keep always true: init runs out of descriptors, and with them of answers; kept_count never
  // goes down.
  test('more than init has room for is refused by EMFILE, and what does not ask for it still runs', async () => {
    const sandbox = await lasting();
    const [stdin, writer] = makePipe();
    const [kept, stdout] = makePipe();
    const ends = { stdout, stderr: stdout, stdoutKept: kept, stderrKept: kept, ring: kept, stdin };
    let started = 0;
    const startOne = async (): Promise<void> => {
      const { pidfd } = await sandbox.init.exec(sandbox.execRequest(['guest', 'wait'], { durable: true, ...ends }));
      closeFd(pidfd);
      started++;
    };
    const startAll = async (): Promise<void> => {
      for (;;) await Promise.all(Array.from({ length: 50 }, startOne));
    };
    await expect(startAll()).rejects.toMatchObject({ code: 'EMFILE', step: 'exec' });
    await sandbox.init.ping();
    // Init may have 4096.
    expect(started).toBe(Math.floor((4096 - 128) / 3));
    expect(await sandbox.run(['guest', 'exit', '4'])).toBe(4 << 8);
    for (const fd of [stdin, writer, kept, stdout]) closeFd(fd);
    await sandbox.exits.count(started + 1);
    for (const { execution } of sandbox.exits.all) sandbox.init.acknowledge(execution);
    const { execution, reader, pidfd } = await startDurable(sandbox, ['guest', 'exit', '5']);
    for (const fd of [reader, pidfd]) closeFd(fd);
    expect((await sandbox.exits.of(execution)).waitStatus).toBe(5 << 8);
  }, 60_000);
});
