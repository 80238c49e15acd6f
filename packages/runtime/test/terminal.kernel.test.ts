import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { Execution, Sandbox } from '../src/index.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();
const size = { columns: 80, rows: 24 };

/** What comes out of a terminal, as it comes. */
class Screen {
  text = '';
  #changed = Promise.withResolvers<void>();

  constructor(execution: Execution) {
    execution.stdout.on('data', (data: Buffer) => {
      this.text += data.toString('latin1');
      this.#changed.resolve();
      this.#changed = Promise.withResolvers<void>();
    });
  }

  async shows(wanted: RegExp): Promise<void> {
    while (!wanted.test(this.text)) await this.#changed.promise;
  }
}

async function openShell(sandbox: Sandbox): Promise<{ shell: Execution; screen: Screen }> {
  const shell = await sandbox.exec(['sh'], { tty: size, stdin: 'pipe', env: { PS1: '# ' } });
  return { shell, screen: new Screen(shell) };
}

describe('a terminal', () => {
  // Mutation: init opens /dev/ptmx of the host before it pivots: `tty` says "not a tty".
  test('has a name inside, a size that the program sees change, and gives its exit code', async () => {
    await using sandbox = await used.runtime.create();
    const { shell, screen } = await openShell(sandbox);
    shell.stdin?.write('tty; stty size; echo $TERM\n');
    await screen.shows(/\/dev\/pts\/0\r\n24 80\r\nxterm\r\n/);
    shell.stdin?.write("trap 'stty size' WINCH; echo trap'ped'\n");
    await screen.shows(/trapped\r\n/);
    await shell.resize({ columns: 132, rows: 50 });
    shell.stdin?.write('\n');
    await screen.shows(/50 132\r\n/);
    shell.stdin?.write('exit 9\n');
    expect(await shell.wait()).toMatchObject({ exitCode: 9, reason: 'exited' });
    await expect(shell.resize({ columns: 0, rows: 1 })).rejects.toMatchObject({ code: 'ERR_SPEC_INVALID' });
  });

  test('Ctrl-C reaches the program in the foreground and not its shell', async () => {
    await using sandbox = await used.runtime.create();
    const { shell, screen } = await openShell(sandbox);
    shell.stdin?.write("echo be'gun'; sleep infinity\n");
    await screen.shows(/begun\r\n/);
    // The shell waits in the foreground group of sleep once the terminal says so.
    await expect
      .poll(async () => String((await sandbox.run(['ps', '-o', 'stat,comm', '-A'])).stdout))
      .toMatch(/\+ +sleep/);
    shell.stdin?.write('\x03');
    // The prompt: what is typed before it may be thrown away with what the signal interrupted.
    await screen.shows(/\^C[\r\n]+# $/);
    shell.stdin?.write('echo $?\n');
    await screen.shows(/\n130\r\n/);
    await shell.closeStdin();
    expect(await shell.wait()).toMatchObject({ reason: 'exited' });
  });

  // Mutation: the source decodes its bytes as text; a chunk that is cut in a character is mended.
  test('a full screen of escape codes and bytes that are no text comes out byte for byte', async () => {
    await using sandbox = await used.runtime.create();
    const program = `
import os, sys, tty
tty.setraw(1)
screen = b''.join(b'\\x1b[%d;%dH\\x1b[3%dm\\xff\\x00\\xe2\\x94' % (row, column, row % 8) for row in range(1, 25) for column in range(1, 81, 4))
for i in range(40): os.write(1, screen[:len(screen) - i])`;
    const execution = await sandbox.exec(['python3', '-c', program], { tty: size });
    const parts: Buffer[] = [];
    execution.stdout.on('data', (data: Buffer) => parts.push(data));
    const ended = once(execution.stdout, 'end');
    expect(await execution.wait()).toMatchObject({ exitCode: 0 });
    await ended;
    const cells: Buffer[] = [];
    for (let row = 1; row < 25; row++)
      for (let column = 1; column < 81; column += 4)
        cells.push(Buffer.from(`\x1b[${row};${column}H\x1b[3${row % 8}m`), Buffer.from([0xff, 0, 0xe2, 0x94]));
    const screen = Buffer.concat(cells);
    const wanted = Buffer.concat(Array.from({ length: 40 }, (_, i) => screen.subarray(0, screen.length - i)));
    expect(Buffer.compare(Buffer.concat(parts), wanted)).toBe(0);
  });

  // Mutation: closeTerminal() leaves the master open.
  test('closing its output hangs up: the program gets SIGHUP; destroy ends one, too', async () => {
    await using sandbox = await used.runtime.create();
    const before = used.belongings();
    const hungUp = await sandbox.exec(['sleep', 'infinity'], { tty: size, stdin: 'pipe' });
    hungUp.stdout.destroy();
    expect(await hungUp.wait()).toMatchObject({ exitCode: null, signal: 'SIGHUP', reason: 'signaled' });
    await used.expectAgain(before);
    const { shell } = await openShell(sandbox);
    await sandbox.destroy();
    expect(await shell.wait()).toMatchObject({ exitCode: null, reason: 'destroyed' });
  });

  // Mutation: kill() and resize() wait for the exit's turn.
  test('inv-16: a hundred waits block neither resize, closeStdin nor kill, and all get the same status', async () => {
    await using sandbox = await used.runtime.create();
    const execution = await sandbox.exec(['sh', '-c', "trap '' HUP; cat; sleep infinity"], {
      tty: size,
      stdin: 'pipe',
    });
    const waits = Array.from({ length: 100 }, () => execution.wait());
    await execution.resize({ columns: 10, rows: 10 });
    await execution.closeStdin();
    await execution.kill('SIGKILL');
    const statuses = await Promise.all([...waits, execution.wait()]);
    expect(new Set(statuses).size).toBe(1);
    expect(statuses[0]).toMatchObject({ signal: 'SIGKILL', reason: 'signaled' });
  });

  test('without stdin there is nothing to type on, and resize needs a terminal', async () => {
    await using sandbox = await used.runtime.create();
    const silent = await sandbox.exec(['stty', 'size'], { tty: { columns: 65_535, rows: 1 } });
    const screen = new Screen(silent);
    expect(silent.stdin).toBeNull();
    expect(await silent.wait()).toMatchObject({ exitCode: 0 });
    expect(screen.text).toBe('1 65535\r\n');
    const plain = await sandbox.exec(['true']);
    await expect(plain.resize(size)).rejects.toMatchObject({ code: 'ERR_SPEC_INVALID' });
  });

  // Mutation: terminal_open's fault is not named: the message says no step.
  test('the 65th at a time is refused with a typed error, and leaves nothing', async () => {
    await using sandbox = await used.runtime.create();
    const before = used.belongings();
    const open = await Promise.all(
      Array.from({ length: 64 }, () => sandbox.exec(['sleep', 'infinity'], { tty: size })),
    );
    await expect(sandbox.exec(['true'], { tty: size })).rejects.toMatchObject({
      code: 'ERR_EXEC_FAILED',
      step: 'open a terminal',
    });
    for (const execution of open) await execution.kill();
    await Promise.all(open.map((execution) => execution.wait()));
    for (const execution of open) execution.stdout.resume();
    await used.expectAgain(before);
    const again = await sandbox.exec(['tty'], { tty: size });
    const screen = new Screen(again);
    expect(await again.wait()).toMatchObject({ exitCode: 0 });
    expect(screen.text).toBe('/dev/pts/0\r\n');
  });
});
