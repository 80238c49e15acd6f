import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { commandLine } from './hatchery.ts';

export const hasPython: boolean = spawnSync('python3', ['-c', 'import pty']).status === 0;

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

export type Act = ['see', string] | ['type', string] | ['resize', number, number] | ['raw'];

/** Runs the command line as that person would; returns what the script printed. */
export async function atTerminal(
  args: readonly string[],
  acts: readonly Act[],
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const child = spawn('python3', ['-c', person, ...commandLine, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  // Of a test that fails half-way: our end of the terminal closes with it, and the run is hung up.
  onTestFinished(() => void child.kill('SIGKILL'));
  const output = text(child.stdout);
  child.stdin.end(acts.map((act) => `${JSON.stringify(act)}\n`).join(''));
  await once(child, 'exit');
  return await output;
}
