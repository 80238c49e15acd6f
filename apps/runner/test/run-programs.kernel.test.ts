import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { hatchery } from './hatchery.ts';

/** The image `host` has what the host has. */
const missing = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0;

describe('real programs in run', () => {
  it('git makes a repository and a commit', async ({ skip }) => {
    skip(missing('git'), 'the host has no git');
    const script = `cd /tmp && git init -q repository && cd repository && echo text > file && git add file &&
      git -c user.name=n -c user.email=e@example.org commit -q -m first && git log --format=%s && git status --short`;
    const { code, stdout, stderr } = await hatchery(['run', 'sh', '-c', script]);
    expect(stderr.replaceAll(/^hint:.*\n/gm, '')).toBe('');
    expect([code, stdout.toString()]).toEqual([0, 'first\n']);
  });

  it('a C compiler builds a program, and it runs', async ({ skip }) => {
    skip(missing('cc'), 'the host has no cc');
    const script = `cd /tmp && printf '#include <stdio.h>\\nint main(void) { puts("hello, world"); return 42; }\\n' > hello.c && cc -O2 -o hello hello.c && ./hello`;
    const { code, stdout, stderr } = await hatchery(['run', 'sh', '-c', script]);
    expect([code, stdout.toString(), stderr]).toEqual([42, 'hello, world\n', '']);
  });

  it('python computes with threads, subprocesses and temporary files', async ({ skip }) => {
    skip(missing('python3'), 'the host has no python3');
    const script = `
import subprocess, tempfile, threading
results = []
threads = [threading.Thread(target=lambda n=n: results.append(n * n)) for n in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
with tempfile.NamedTemporaryFile() as f:
    f.write(b'x' * 1000000); f.flush()
    print(sum(results), subprocess.check_output(['wc', '-c', f.name]).split()[0].decode())`;
    const { code, stdout, stderr } = await hatchery(['run', 'python3', '-c', script]);
    expect([code, stdout.toString(), stderr]).toEqual([0, '140 1000000\n', '']);
  });
});

describe('runs side by side', () => {
  it('eight at once each get their own output and exit code', async () => {
    const numbers = [0, 1, 2, 3, 4, 5, 6, 7];
    const results = await Promise.all(numbers.map((n) => hatchery(['run', 'sh', '-c', `echo output ${n}; exit ${n}`])));
    expect(results.map(({ code, stdout, stderr }) => [code, stdout.toString(), stderr])).toEqual(
      numbers.map((n) => [n, `output ${n}\n`, '']),
    );
  });
});
