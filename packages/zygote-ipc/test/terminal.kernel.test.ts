import { readSync, writeSync } from 'node:fs';
import { closeFd, setWindowSize } from '@hatchery/linux';
import { describe, expect, test } from 'vitest';
import type { ExecedMessage } from '../src/index.ts';
import { readToEnd } from './kernel/read-to-end.ts';
import { countDescriptors, readable, SandboxFixture, type TestSandbox } from './kernel/sandbox-fixture.ts';
import { untilIdle } from './kernel/until-idle.ts';

const SIGHUP = 1;
const SIGINT = 2;
/** `max` of the sandbox's devpts. */
const terminalsPerSandbox = 64;
const onTerminal = { terminal: true, columns: 97, rows: 31, stdout: null, stderr: null } as const;

describe.each(['hatchery-shim', 'hatchery-shim-asan'] as const)('%s', (variant) => {
  const fixture = new SandboxFixture(variant);
  const start = async (): Promise<TestSandbox> => fixture.sandbox(await fixture.zygote());

  function masterOf(execed: ExecedMessage): number {
    if (execed.terminal === null) throw new Error('no terminal came');
    return execed.terminal;
  }

  /** What a command on a terminal says, with its wait status. */
  async function ask(sandbox: TestSandbox, argv: readonly string[], uid = 0): Promise<[string, number]> {
    const execed = await sandbox.exec(argv, { ...onTerminal, uid, gid: uid });
    const said = await readToEnd(masterOf(execed));
    return [said, (await sandbox.exits.of(execed.execution)).waitStatus];
  }

  // Mutation: no TIOCSWINSZ; no fchown; no TIOCSCTTY.
  test('a command on a terminal finds it as /dev/pts/0, of the size asked for, its own, with itself in the foreground', async () => {
    const sandbox = await start();
    const facts = (uid: number): string => `/dev/pts/0 97x31 owner ${uid}:5 mode 620\r\nown 1 foreground 1\r\n`;
    expect(await ask(sandbox, ['guest', 'terminal'])).toEqual([facts(0), 0]);
    // Its number is free again, and it is the other user's now.
    expect(await ask(sandbox, ['guest', 'terminal'], 1000)).toEqual([facts(1000), 0]);
  });

  // Mutation: init keeps the slave open (the end never comes); close_range left out of take_terminal.
  test('inv-23: a command on a terminal has its three descriptors and no other, and the master gets its end', async () => {
    const sandbox = await start();
    const [said] = await ask(sandbox, ['guest', 'report']);
    const descriptors = said.split('\r\n').filter((line) => line.startsWith('descriptor'));
    expect(descriptors).toEqual([0, 1, 2].map((fd) => `descriptor ${fd}`));
  });

  // Mutation: leave TIOCSTI out of check_ioctl in seccomp.c; let that compare all 64 bits.
  test('T01: TIOCSTI is refused with EPERM, also with bits above the 32 that the kernel looks at', async () => {
    const sandbox = await start();
    const [said] = await ask(sandbox, ['guest', 'inject']);
    expect(said.trim().split('\r\n')).toEqual(['5412 EPERM', '100005412 EPERM', '8000000000005412 EPERM']);
  });

  // Mutation: take_terminal without TIOCSCTTY: the terminal has no foreground to interrupt.
  test('Ctrl-C on the master ends the command with SIGINT', async () => {
    const sandbox = await start();
    const execed = await sandbox.exec(['guest', 'hold'], onTerminal);
    const master = fixture.own(masterOf(execed));
    writeSync(master, '\x03');
    expect((await sandbox.exits.of(execed.execution)).waitStatus).toBe(SIGINT);
    await readable(master);
    const bytes = Buffer.alloc(16);
    expect(bytes.toString('latin1', 0, readSync(master, bytes))).toBe('^C');
    expect(() => readSync(master, bytes)).toThrow('EIO');
  });

  // Mutation: keepsake_of takes the master of an execution that is not durable.
  test('closing the master hangs up: the command gets SIGHUP', async () => {
    const sandbox = await start();
    const execed = await sandbox.exec(['guest', 'hold'], onTerminal);
    const master = masterOf(execed);
    setWindowSize(master, { columns: 10, rows: 10 });
    closeFd(master);
    expect((await sandbox.exits.of(execed.execution)).waitStatus).toBe(SIGHUP);
  });

  // Mutation: terminal_open leaves its master open when it fails; start_on_terminal leaves either end open when the command
  // does not start, or keeps the slave.
  test('inv-26: a terminal too many is refused by step, and neither it nor a command that cannot start leaves anything', async () => {
    const sandbox = await start();
    const count = (): number => {
      untilIdle(sandbox.pid);
      return countDescriptors(sandbox.pid);
    };
    const before = count();
    for (let round = 0; round < terminalsPerSandbox + 1; round++)
      await expect(sandbox.exec(['missing'], onTerminal)).rejects.toMatchObject({ code: 'ENOENT', step: 'execute' });
    expect(count()).toBe(before);
    const running: ExecedMessage[] = [];
    for (let number = 0; number < terminalsPerSandbox; number++)
      running.push(await sandbox.exec(['guest', 'hold'], onTerminal));
    const tooMany = { code: 'ENOSPC', step: 'open a terminal' };
    for (let round = 0; round < 3; round++)
      await expect(sandbox.exec(['guest', 'hold'], onTerminal)).rejects.toMatchObject(tooMany);
    expect(count()).toBe(before);
    for (const execed of running) closeFd(masterOf(execed));
    await sandbox.exits.count(terminalsPerSandbox);
    for (const { execution } of running) sandbox.init.acknowledge(execution);
    expect((await ask(sandbox, ['guest', 'terminal']))[0]).toMatch(/^\/dev\/pts\/0 /);
    expect(count()).toBe(before);
  }, 60_000);

  // Mutation: check_streams asks for one of stdout and stderr only; its loop one entry short.
  test('a terminal beside streams, or neither, is refused', async () => {
    const sandbox = await start();
    const { nothing } = fixture;
    const wrong = { code: 'EINVAL', step: 'exec' };
    for (const stream of ['stdin', 'stdout', 'stderr', 'stdoutKept', 'stderrKept'] as const) {
      const both = sandbox.exec(['guest', 'hold'], { ...onTerminal, [stream]: nothing });
      await expect(both, stream).rejects.toMatchObject({ ...wrong, text: 'a terminal and streams' });
    }
    for (const stream of ['stdout', 'stderr'] as const) {
      const neither = sandbox.exec(['guest', 'hold'], { [stream]: null });
      await expect(neither, stream).rejects.toMatchObject({ ...wrong, text: expect.stringMatching(/^neither/) });
    }
    expect(await sandbox.run(['guest', 'exit', '4'])).toBe(4 << 8);
  });
});

describe('the TypeScript end', () => {
  const fixture = new SandboxFixture();

  // Mutation: `onLate` of exec leaves the terminal open.
  test('a terminal that comes after the caller was let go is closed', async () => {
    const sandbox = await fixture.sandbox(await fixture.zygote());
    const before = countDescriptors(process.pid);
    const caller = new AbortController();
    const given = sandbox.init.exec(sandbox.execRequest(['guest', 'hold'], onTerminal), { signal: caller.signal });
    caller.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    await sandbox.exits.count(1);
    expect(countDescriptors(process.pid)).toBe(before);
  });
});
