import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { commandLine, hatchery, shellCommand } from './hatchery.ts';

const hasPython = spawnSync('python3', ['-c', 'import pty']).status === 0;

/**
 * A person at a terminal: runs argv on one of 24 rows and 80 columns and follows the script on its standard input, one
 * JSON list a line: ["see", regex], ["type", text], ["resize", rows, columns], ["end"]. Prints the screen, the exit code
 * and whether the terminal is as it was.
 */
const person = `
import fcntl, json, os, pty, re, select, struct, sys, termios
pid, fd = pty.fork()
if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
before, screen, seen = termios.tcgetattr(fd), b'', 0
def more():
    global screen
    try: data = os.read(fd, 65536)
    except OSError: data = b''
    screen += data
    return data != b''
for line in sys.stdin:
    verb, *args = json.loads(line)
    if verb == 'see':
        pattern = re.compile(args[0].encode())
        while True:
            found = pattern.search(screen, seen)
            if found: seen = found.end(); break
            if not more(): print('ENDED WITHOUT', args[0], repr(screen)); sys.exit(1)
    elif verb == 'type': os.write(fd, args[0].encode())
    elif verb == 'resize': fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', args[0], args[1], 0, 0))
    elif verb == 'raw': print('raw', not termios.tcgetattr(fd)[3] & termios.ICANON)
while more(): pass
_, status = os.waitpid(pid, 0)
after = termios.tcgetattr(fd)
print('exit', os.waitstatus_to_exitcode(status), 'restored', before == after)`;

type Act = ['see', string] | ['type', string] | ['resize', number, number] | ['raw'];

async function atTerminal(args: readonly string[], acts: readonly Act[]): Promise<string> {
  const child = spawn('python3', ['-c', person, ...commandLine, 'run', ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // Of a test that fails half-way: our end of the terminal closes with it, and the run is hung up.
  onTestFinished(() => void child.kill('SIGKILL'));
  const output = text(child.stdout);
  child.stdin.end(acts.map((act) => `${JSON.stringify(act)}\n`).join(''));
  await once(child, 'exit');
  return await output;
}

describe('run on a terminal', () => {
  // Mutation: handOver() sets no raw mode: the echo comes twice, and Ctrl-C ends the run instead of the program.
  it('-i -t is a shell at which one can type, resize, interrupt and leave with a code', async ({ skip }) => {
    skip(!hasPython, 'the host has no python3');
    const transcript = await atTerminal(
      ['-it', '-e', 'PS1=% ', 'sh'],
      [
        ['see', '% $'],
        ['raw'],
        ['type', 'tty; stty size\r'],
        ['see', 'stty size\r\n/dev/pts/0\r\n24 80\r\n% $'],
        ['resize', 50, 132],
        // Our own size reaches the program's terminal in its time.
        ['type', 'until stty size | grep 132; do :; done\r'],
        ['see', 'done\r\n50 132\r\n% $'],
        ['type', "echo be'gun'; cat\r"],
        ['see', 'begun\r\n'],
        ['type', 'twice\r'],
        ['see', 'twice\r\ntwice\r\n'],
        ['type', '\u0003'],
        ['see', '\\^C[\r\n]+% $'],
        ['type', 'exit 42\r'],
        ['see', 'exit 42\r\n'],
      ],
    );
    expect(transcript).toBe('raw True\nexit 42 restored True\n');
  });

  it('-t with a file, nothing or a pipe as standard input takes it as typed, and its end as Ctrl-D', async () => {
    const { code, stdout, stderr } = await hatchery(['run', '-i', '-t', 'sh'], { input: 'stty -echo; tty\nexit 3\n' });
    expect([code, stderr]).toEqual([3, '']);
    expect(stdout.toString()).toContain('/dev/pts/0\r\n');
    const ended = await hatchery(['run', '-it', 'cat'], { input: 'no newline' });
    expect([ended.code, ended.stdout.toString()]).toEqual([0, expect.stringContaining('no newlineno newline')]);
    const closed = spawnSync('sh', ['-c', `${shellCommand} run -it cat <&-`], { encoding: 'utf8' });
    expect([closed.status, closed.stderr]).toEqual([0, '']);
  });

  it('-t alone has a terminal and no keyboard; its output is one stream', async () => {
    const { code, stdout, stderr } = await hatchery([
      'run',
      '-t',
      'sh',
      '-c',
      'test -t 0 && echo out; echo err >&2; stty size',
    ]);
    expect([code, stdout.toString(), stderr]).toEqual([0, 'out\r\nerr\r\n24 80\r\n', '']);
  });
});
