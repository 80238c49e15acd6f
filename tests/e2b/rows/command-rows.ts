import { expect } from 'vitest';
import { Heard, HeardText } from '../heard.ts';
import type { Row } from '../row.ts';

/** Commands, their handles, and terminals. */
export const commandRows: readonly Row[] = [
  {
    method: 'Commands#run',
    claim: 'output, error output and exit code',
    async run({ client, sandbox }) {
      const result = await sandbox.commands.run('echo out; echo err >&2');
      expect(result).toMatchObject({ exitCode: 0, stdout: 'out\n', stderr: 'err\n' });
      const failing = sandbox.commands.run('echo before; exit 3');
      await expect(failing).rejects.toMatchObject({ exitCode: 3, stdout: 'before\n' });
      await expect(failing).rejects.toBeInstanceOf(client.CommandExitError);
    },
  },
  {
    method: 'Commands#run',
    claim: 'as another user, elsewhere, with variables',
    async run({ client, sandbox }) {
      const { commands } = sandbox;
      const options = { user: 'root', cwd: '/tmp', envs: { ROW: 'yes' } };
      expect((await commands.run('whoami; pwd; echo $ROW', options)).stdout).toBe('root\n/tmp\nyes\n');
      await expect(commands.run('true', { user: 'nobody-here' })).rejects.toBeInstanceOf(client.AuthenticationError);
      await expect(commands.run('true', { cwd: '/not/there' })).rejects.toBeInstanceOf(client.InvalidArgumentError);
    },
  },
  {
    method: 'Commands#run',
    claim: 'output as it comes',
    async run({ sandbox }) {
      const heard = new HeardText();
      const command = await sandbox.commands.run('echo one; read go; echo two', {
        background: true,
        stdin: true,
        onStdout: heard.tell,
      });
      await heard.untilText('one\n');
      await sandbox.commands.sendStdin(command.pid, 'go\n');
      expect((await command.wait()).stdout).toBe('one\ntwo\n');
    },
  },
  {
    method: 'Commands#run',
    claim: 'is ended when its time is up',
    async run({ client, sandbox }) {
      const command = sandbox.commands.run('sleep 765', { timeoutMs: 500 });
      await expect(command).rejects.toBeInstanceOf(client.TimeoutError);
      // The client has a clock of its own, which may be ahead of the server's.
      await sandbox.commands.run('while pgrep -f "sleep 76[5]"; do sleep 0.05; done');
    },
  },
  {
    method: 'Commands#run',
    claim: 'four mebibytes of output, whole',
    async run({ sandbox }) {
      const { stdout } = await sandbox.commands.run('head -c 4194304 /dev/zero | tr "\\0" x');
      expect(stdout.length).toBe(4_194_304);
    },
  },
  {
    method: 'Commands#list',
    claim: 'those that run, with what they were started with',
    async run({ sandbox }) {
      const command = await sandbox.commands.run('sleep 1000', { background: true, envs: { ROW: 'yes' } });
      const found = (await sandbox.commands.list()).find(({ pid }) => pid === command.pid);
      expect(found).toMatchObject({ cmd: '/bin/bash', args: ['-l', '-c', 'sleep 1000'], envs: { ROW: 'yes' } });
      await command.kill();
    },
  },
  {
    method: 'Commands#kill',
    claim: 'true once; it is gone from the sandbox',
    async run({ sandbox }) {
      const { pid } = await sandbox.commands.run('sleep 1000', { background: true });
      expect(await sandbox.commands.kill(pid)).toBe(true);
      await expect(sandbox.commands.run(`kill -0 ${pid}`)).rejects.toMatchObject({ exitCode: 1 });
      expect(await sandbox.commands.kill(pid)).toBe(false);
    },
  },
  {
    method: 'Commands#connect',
    claim: 'another hears what a command says from then on, and its end',
    async run({ client, sandbox }) {
      const command = await sandbox.commands.run('read go; echo heard; exit 4', { background: true, stdin: true });
      await command.disconnect();
      const other = await client.Sandbox.connect(sandbox.sandboxId);
      const heard = new HeardText();
      const connected = await other.commands.connect(command.pid, { onStdout: heard.tell });
      await other.commands.sendStdin(command.pid, 'go\n');
      await expect(connected.wait()).rejects.toMatchObject({ exitCode: 4, stdout: 'heard\n' });
      expect(heard.text).toBe('heard\n');
      await expect(other.commands.connect(99_999)).rejects.toBeInstanceOf(client.NotFoundError);
    },
  },
  {
    method: 'Commands#sendStdin',
    claim: 'text and bytes, to a command that is there',
    async run({ client, sandbox }) {
      const command = await sandbox.commands.run('head -c 6', { background: true, stdin: true });
      await sandbox.commands.sendStdin(command.pid, 'abc');
      await sandbox.commands.sendStdin(command.pid, '');
      await sandbox.commands.sendStdin(command.pid, new TextEncoder().encode('déf').subarray(0, 3));
      expect((await command.wait()).stdout).toBe('abcdé');
      await expect(sandbox.commands.sendStdin(99_999, 'x')).rejects.toBeInstanceOf(client.NotFoundError);
    },
  },
  {
    method: 'Commands#closeStdin',
    claim: 'the command reads its end',
    async run({ sandbox }) {
      const command = await sandbox.commands.run('cat; echo done', { background: true, stdin: true });
      await sandbox.commands.sendStdin(command.pid, 'text\n');
      await sandbox.commands.closeStdin(command.pid);
      expect((await command.wait()).stdout).toBe('text\ndone\n');
    },
  },
  {
    method: 'CommandHandle#wait',
    claim: 'the result, or an error with what was said before it was killed',
    async run({ client, sandbox }) {
      const heard = new Heard<string>();
      const command = await sandbox.commands.run('echo said; sleep 1000', { background: true, onStdout: heard.tell });
      await heard.until((all) => all.length > 0);
      expect(command.exitCode).toBeUndefined();
      const ended = command.wait().catch((error: unknown) => error);
      await command.kill();
      const error = await ended;
      expect(error).toBeInstanceOf(client.CommandExitError);
      expect(error).toMatchObject({ stdout: 'said\n', error: 'signal: killed' });
    },
  },
  {
    method: 'CommandHandle#kill',
    claim: 'true once',
    async run({ sandbox }) {
      const command = await sandbox.commands.run('sleep 1000', { background: true });
      expect(await command.kill()).toBe(true);
      expect(await command.kill()).toBe(false);
    },
  },
  {
    method: 'CommandHandle#disconnect',
    claim: 'the command goes on',
    async run({ sandbox }) {
      const command = await sandbox.commands.run('sleep 1000', { background: true });
      await command.disconnect();
      expect((await sandbox.commands.list()).map(({ pid }) => pid)).toContain(command.pid);
      await sandbox.commands.kill(command.pid);
    },
  },
  {
    method: 'CommandHandle#sendStdin',
    claim: 'reaches it',
    async run({ sandbox }) {
      const command = await sandbox.commands.run('read line; echo "got $line"', { background: true, stdin: true });
      await command.sendStdin('it\n');
      expect((await command.wait()).stdout).toBe('got it\n');
    },
  },
  {
    method: 'CommandHandle#closeStdin',
    claim: 'the command reads its end',
    async run({ sandbox }) {
      const command = await sandbox.commands.run('wc -c', { background: true, stdin: true });
      await command.sendStdin('12345');
      await command.closeStdin();
      expect((await command.wait()).stdout.trim()).toBe('5');
    },
  },
  {
    method: 'Pty#create',
    claim: 'a shell at a terminal of the size that was asked for',
    async run({ sandbox }) {
      const heard = new HeardText();
      const terminal = await sandbox.pty.create({ cols: 91, rows: 23, onData: heard.tellBytes, envs: { ROW: 'yes' } });
      await sandbox.pty.sendInput(terminal.pid, new TextEncoder().encode('stty size; echo $ROW-$TERM; exit 0\n'));
      await terminal.wait();
      expect(heard.text).toContain('23 91');
      expect(heard.text).toContain('yes-xterm-256color');
    },
  },
  {
    method: 'Pty#sendInput',
    claim: 'keys, Ctrl-C among them',
    async run({ sandbox }) {
      const heard = new HeardText();
      const terminal = await sandbox.pty.create({ cols: 80, rows: 24, onData: heard.tellBytes });
      const type = (keys: string): Promise<void> => sandbox.pty.sendInput(terminal.pid, new TextEncoder().encode(keys));
      // It is the program itself that says so: before it runs, Ctrl-C could reach the shell alone.
      await type('sh -c "echo wait\\"\\"ing; exec sleep 1000"\n');
      await heard.untilText('waiting');
      await type('\u0003');
      await type('echo after $?; exit\n');
      await heard.untilText('after 130');
    },
  },
  {
    method: 'Pty#resize',
    claim: 'the shell sees the new size',
    async run({ sandbox }) {
      const heard = new HeardText();
      const terminal = await sandbox.pty.create({ cols: 80, rows: 24, onData: heard.tellBytes });
      await sandbox.pty.resize(terminal.pid, { cols: 101, rows: 31 });
      await sandbox.pty.sendInput(terminal.pid, new TextEncoder().encode('stty size; exit 0\n'));
      await terminal.wait();
      expect(heard.text).toContain('31 101');
    },
  },
  {
    method: 'Pty#connect',
    claim: 'the same shell, from elsewhere',
    async run({ client, sandbox }) {
      const first = await sandbox.pty.create({ cols: 80, rows: 24, onData: () => {} });
      await sandbox.pty.sendInput(first.pid, new TextEncoder().encode('KEPT=kept\n'));
      await first.disconnect();
      const heard = new HeardText();
      const other = await client.Sandbox.connect(sandbox.sandboxId);
      const second = await other.pty.connect(first.pid, { onData: heard.tellBytes });
      await other.pty.sendInput(first.pid, new TextEncoder().encode('echo "it is $KEPT"; exit 0\n'));
      await second.wait();
      expect(heard.text).toContain('it is kept');
    },
  },
  {
    method: 'Pty#kill',
    claim: 'true once',
    async run({ sandbox }) {
      const { pid } = await sandbox.pty.create({ cols: 80, rows: 24, onData: () => {} });
      expect(await sandbox.pty.kill(pid)).toBe(true);
      expect(await sandbox.pty.kill(pid)).toBe(false);
    },
  },
];
