import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { finish, hatchery, sees, shellCommand, start } from './hatchery.ts';

const shell = async (script: string): Promise<{ stdout: string; stderr: string }> =>
  await promisify(execFile)('sh', ['-c', script], { timeout: 25_000 });

describe('the output of run', () => {
  it('is the program’s, byte for byte: 10 MB of the values 0 to 255 have the digest they have outside', async () => {
    const script = 'import sys; sys.stdout.buffer.write(bytes(range(256)) * 40960)';
    const { code, stdout, stderr } = await hatchery(['run', 'python3', '-c', script]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout.length).toBe(10_485_760);
    const values = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
    const expected = createHash('sha256');
    for (let i = 0; i < 40_960; i++) expected.update(values);
    expect(createHash('sha256').update(stdout).digest('hex')).toBe(expected.digest('hex'));
  });

  it('keeps standard output and standard error apart', async () => {
    const { stdout, stderr } = await hatchery(['run', 'sh', '-c', 'printf out; printf err >&2']);
    expect(stdout.toString()).toBe('out');
    expect(stderr).toBe('err');
  });

  it('ends a program whose reader has gone, without a word', async () => {
    const { stdout, stderr } = await shell(`${shellCommand} run -- yes | head -1`);
    expect(stdout).toBe('y\n');
    expect(stderr).toBe('');
  });

  it('gives the status of SIGPIPE when its reader has gone, as without a sandbox', async () => {
    const { stdout } = await shell(`( { ${shellCommand} run -- yes; echo $? >&3; } | head -1 >/dev/null ) 3>&1`);
    expect(stdout).toBe('141\n');
  });

  it('that cannot be written ends the run with one line that says why', async () => {
    const { stdout } = await shell(`{ ${shellCommand} run yes >/dev/full; echo $?; } 2>&1`);
    expect(stdout).toMatch(/^hatchery: \[ERR_OUTPUT\] .*no space left on device.*\n125\n$/);
  });

  it('is complete when the reader begins after the program has ended', async () => {
    const child = start(['run', 'sh', '-c', 'head -c 200000 /dev/zero; echo written >&2']);
    await sees(child.stderr, 'written');
    const { code, stdout } = await finish(child);
    expect(stdout.length).toBe(200_000);
    expect(code).toBe(0);
  });

  it('ends with the program although a process in the background holds its pipes', async () => {
    const { code, stdout } = await hatchery(['run', 'sh', '-c', 'sleep 1000 & echo started; exit 3']);
    expect(stdout.toString()).toBe('started\n');
    expect(code).toBe(3);
  });
});
