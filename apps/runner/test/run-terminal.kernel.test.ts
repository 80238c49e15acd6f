import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { atTerminal, hasPython } from './at-terminal.ts';
import { hatchery, shellCommand } from './hatchery.ts';

describe('run on a terminal', () => {
  // Mutation: handOver() sets no raw mode: the echo comes twice, and Ctrl-C ends the run instead of the program.
  it('-i -t is a shell at which one can type, resize, interrupt and leave with a code', async ({ skip }) => {
    skip(!hasPython, 'the host has no python3');
    const transcript = await atTerminal(
      ['run', '-it', '-e', 'PS1=% ', 'sh'],
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
