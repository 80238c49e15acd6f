import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { ExecSession } from '../src/client/exec-session.ts';
import type { ExecutionView, SandboxView } from '../src/wire/views.ts';
import { type Act, atTerminal, hasPython } from './at-terminal.ts';
import { finish, sees, start } from './hatchery.ts';
import { useServer } from './server.ts';

const server = useServer();
const never = new AbortController().signal;

beforeAll(async () => {
  await server().client.call('POST', '/v1/sandboxes', { body: { id: 'box' } });
});

async function executions(): Promise<ExecutionView[]> {
  const path = '/v1/sandboxes/box/executions';
  return (await server().client.call<{ executions: ExecutionView[] }>('GET', path)).executions;
}

/** Asks until it is so. */
async function until(question: () => Promise<boolean>): Promise<void> {
  while (!(await question())) await turn();
}

const inBox = (...command: string[]): Promise<{ code: number | null; stdout: Buffer; stderr: string }> =>
  server().run(['exec', 'box', ...command]);

/** Inside the sandbox, of a program that says `PID ready`. */
async function pidFrom(stdout: NodeJS.ReadableStream): Promise<string> {
  const [, pid = ''] = /^(\d+) ready/.exec(await sees(stdout, 'ready')) ?? [];
  return pid;
}

async function isGone(pid: string): Promise<boolean> {
  return (await inBox('sh', '-c', `kill -0 ${pid}`)).code !== 0;
}

describe('exec', () => {
  it('has the program’s output, error output and exit code, and knows 126 and 127', async () => {
    const said = await inBox('sh', '-c', 'echo out; echo err >&2; exit 7');
    expect([said.code, said.stdout.toString(), said.stderr]).toEqual([7, 'out\n', 'err\n']);
    expect((await inBox('sh', '-c', 'kill -9 $$')).code).toBe(137);
    expect((await inBox('/etc/passwd')).code).toBe(126);
    const absent = await inBox('no-such-program-here');
    expect([absent.code, absent.stdout.toString()]).toEqual([127, '']);
    expect(absent.stderr).toMatch(/^hatchery: \[ERR_EXEC_NOT_FOUND\] .*no-such-program-here.*\n$/);
    expect((await server().run(['exec', 'nowhere', 'true'])).stderr).toMatch(/^hatchery: \[ERR_SANDBOX_NOT_FOUND\] /);
    expect((await server().run(['exec', '--timeout', '200ms', 'box', 'sleep', '1000'])).code).toBe(124);
  });

  it('takes user, directory and variables, and leaves options behind the command to it', async () => {
    const args = [
      'exec',
      '-u',
      'user',
      '-w',
      '/tmp',
      '-e',
      'WORD=x',
      'box',
      '--',
      'sh',
      '-c',
      'id -un; pwd; echo $WORD',
    ];
    expect((await server().run(args)).stdout.toString()).toBe('user\n/tmp\nx\n');
  });

  it('carries megabytes both ways byte for byte', async () => {
    const input = randomBytes(5_000_000);
    const { code, stdout } = await server().run(['exec', '-i', 'box', 'cat'], input);
    expect([code, createHash('sha256').update(stdout).digest('hex')]).toEqual([
      0,
      createHash('sha256').update(input).digest('hex'),
    ]);
  });

  // Mutation: #finish writes the exit before what attach() still has: the last bytes are missing.
  it('inv-8: tells the exit once and strictly last, however much was written right before it', async () => {
    const command: [string, ...string[]] = [
      'sh',
      '-c',
      'head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; exit 3',
    ];
    for (let round = 0; round < 20; round++) {
      const session = await ExecSession.start(server().client, 'box', { command }, never);
      const seen: string[] = [];
      let bytes = 0;
      for await (const event of session.output()) {
        if (event.type === 'data') bytes += event.data.length;
        else seen.push(event.type);
      }
      expect([bytes, seen]).toEqual([600_000, ['exit']]);
    }
  });

  // Mutation: #send() does not await #drained(): it ends instead of waiting; attach() without backPressure: bytes are missing.
  it('inv-14: makes a program wait whose client does not read', async () => {
    const command: [string, ...string[]] = ['head', '-c', '200000000', '/dev/zero'];
    const session = await ExecSession.start(server().client, 'box', { command }, never);
    const host = (await hostPidOf('head')) ?? 0;
    // Each answer is a turn of the server's loop, in which it would have taken more.
    let written = '';
    for (let quiet = 0; quiet < 20; quiet++) {
      await executions();
      const now = writtenBy(host);
      if (now !== written || !waitsInWrite(host)) quiet = 0;
      written = now;
    }
    let bytes = 0;
    for await (const event of session.output()) if (event.type === 'data') bytes += event.data.length;
    expect(bytes).toBe(200_000_000);
  });

  // Mutation: the client sends without a window: the signal waits behind the input.
  it('passes a signal on to a program that does not read the input that waits for it', async () => {
    const script = 'trap "exit 5" TERM; echo ready; while :; do sleep 0.02; done';
    const child = start(['exec', '-i', 'box', 'sh', '-c', script], server().env);
    child.stdin.on('error', () => {});
    child.stdin.write(Buffer.alloc(4_000_000));
    await sees(child.stdout, 'ready');
    child.kill('SIGTERM');
    expect((await finish(child)).code).toBe(5);
  });

  it('ends the program with its descendants at the second signal', async () => {
    const script = 'trap "echo caught" INT; sleep 4321 & echo $! ready; while :; do sleep 0.02; done';
    const child = start(['exec', 'box', 'sh', '-c', script], server().env);
    const descendant = await pidFrom(child.stdout);
    child.kill('SIGINT');
    await sees(child.stdout, 'caught');
    child.kill('SIGTERM');
    expect((await finish(child)).code).toBe(143);
    await until(() => isGone(descendant));
  });

  it('gives the program SIGPIPE when the reader of its output has gone', async () => {
    const child = start(['exec', 'box', 'yes'], server().env);
    await sees(child.stdout, 'y\n');
    child.stdout.destroy();
    expect((await once(child, 'exit'))[0]).toBe(141);
  });

  // Mutation: #clientGone() does not abort #kill: both run on.
  it('whose client is killed ends with everything it has started, as run does', async () => {
    const child = start(['exec', 'box', 'sh', '-c', 'sleep 8765 & echo $! ready; wait'], server().env);
    const descendant = await pidFrom(child.stdout);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await until(() => isGone(descendant));
    expect((await executions()).filter(({ command }) => command?.[2]?.includes('8765'))).toEqual([
      expect.objectContaining({ status: expect.objectContaining({ signal: 'SIGKILL' }) }),
    ]);
  });

  // Mutation: #clientGone() does not abort #kill: it stays.
  it('inv-69: whose client is killed ends in a paused sandbox, too, which stays paused', async () => {
    await server().client.call('POST', '/v1/sandboxes', { body: { id: 'frozen' } });
    const child = start(['exec', 'frozen', 'sh', '-c', 'echo ready; exec sleep 1000'], server().env);
    await sees(child.stdout, 'ready');
    await server().run(['pause', 'frozen']);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    const path = '/v1/sandboxes/frozen';
    await until(async () => (await server().client.call<SandboxView>('GET', path)).executions === 0);
    expect(await server().client.call('GET', path)).toMatchObject({ state: 'paused' });
    await server().client.call('DELETE', path);
  });

  it('-i -t is a shell at which one can type, resize, interrupt and leave with a code', async ({ skip }) => {
    skip(!hasPython, 'the host has no python3');
    const acts: Act[] = [
      ['see', '% $'],
      ['raw'],
      ['type', 'tty; stty size\r'],
      ['see', 'stty size\r\n/dev/pts/\\d+\r\n24 80\r\n% $'],
      ['resize', 50, 132],
      ['type', 'until stty size | grep 132; do :; done\r'],
      ['see', 'done\r\n50 132\r\n% $'],
      ['type', "echo be'gun'; cat\r"],
      ['see', 'begun\r\n'],
      ['type', '\u0003'],
      ['see', '\\^C[\r\n]+% $'],
      ['type', 'exit 42\r'],
      ['see', 'exit 42\r\n'],
    ];
    expect(await atTerminal(['exec', '-it', '-e', 'PS1=% ', 'box', 'sh'], acts, server().env.env)).toBe(
      'raw True\nexit 42 restored True\n',
    );
  });
});

describe('exec -d', () => {
  it('prints the id of an execution that goes on without its client, and logs replays and follows it', async () => {
    const script = 'echo one; until test -e /tmp/go; do sleep 0.02; done; echo two >&2; exit 4';
    const { code, stdout } = await server().run(['exec', '-d', 'box', 'sh', '-c', script]);
    const id = stdout.toString().trim();
    expect([code, id]).toEqual([0, expect.stringMatching(/^[0-9a-f-]{36}$/)]);
    await until(async () => (await server().run(['logs', 'box', id])).stdout.toString() === 'one\n');
    const following = start(['logs', '-f', 'box', id], server().env);
    const followed = finish(following);
    await sees(following.stdout, 'one\n');
    await inBox('touch', '/tmp/go');
    expect(await followed).toMatchObject({ code: 0, stderr: 'two\n' });
    expect(await server().run(['logs', 'box', id])).toMatchObject({ stdout: Buffer.from('one\n'), stderr: 'two\n' });
    expect((await executions()).find((execution) => execution.id === id)).toMatchObject({ status: { exitCode: 4 } });
  });

  // Mutation: without keepFlowing() it waits for a reader for ever.
  it('never waits for a reader; logs says how much of the output is no longer kept', async () => {
    const { stdout } = await server().run(['exec', '-d', 'box', 'sh', '-c', 'head -c 9000000 /dev/zero; echo end']);
    const id = stdout.toString().trim();
    await until(async () => (await executions()).find((execution) => execution.id === id)?.status?.exitCode === 0);
    const log = await server().run(['logs', '-f', 'box', id]);
    const [, lost] = /^hatchery: \[ERR_OUTPUT_GAP\] (\d+) bytes of stdout from offset 0 on/.exec(log.stderr) ?? [];
    expect(Number(lost) + log.stdout.length).toBe(9_000_004);
    expect(log.stdout.subarray(-4).toString()).toBe('end\n');
  });
});

/** Of the one process of that name that is a descendant of the server's sandboxes. */
async function hostPidOf(name: string): Promise<number | undefined> {
  const list = (await executions()).find(({ command, status }) => command?.[0] === name && status === null);
  expect(list).toBeDefined();
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .map(Number)
    .find(
      (pid) =>
        readOr(`/proc/${pid}/status`).includes(`NSpid:\t${pid}\t${list?.pid}\n`) &&
        readOr(`/proc/${pid}/comm`) === `${name}\n`,
    );
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it ended while we looked
  }
}

/** Not merely without a processor: blocked, in write(2) of x86-64 or arm64. */
function waitsInWrite(pid: number): boolean {
  return /^(1|64) /.test(readOr(`/proc/${pid}/syscall`));
}

/** Bytes; a process that has ended instead of waiting is a failure. */
function writtenBy(pid: number): string {
  const [, bytes] = /^wchar: (\d+)$/m.exec(readOr(`/proc/${pid}/io`)) ?? [];
  if (bytes === undefined) throw new Error(`process ${pid} ended instead of waiting`);
  return bytes;
}
