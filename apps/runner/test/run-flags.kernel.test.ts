import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { hatchery } from './hatchery.ts';

const output = async (args: readonly string[], options: Parameters<typeof hatchery>[1] = {}): Promise<string> => {
  const { code, stdout, stderr } = await hatchery(['run', ...args], options);
  expect([code, stderr]).toEqual([0, '']);
  return stdout.toString();
};

describe('run', () => {
  it('-i gives the program our standard input and its end', async () => {
    const input = Buffer.alloc(1_000_000, 'hatch\0');
    const { stdout } = await hatchery(['run', '-i', 'cat'], { input });
    expect(stdout.equals(input)).toBe(true);
  });

  it('-i ends with a program that reads nothing', async () => {
    expect(await output(['-i', 'echo', 'done'], { input: Buffer.alloc(1_000_000) })).toBe('done\n');
  });

  it('without -i gives the program /dev/null', async () => {
    expect(await output(['sh', '-c', 'cat; readlink /proc/self/fd/0'], { input: 'secret' })).toBe('/dev/null\n');
  });

  it('-e sets variables, takes ours when no value is given, and nothing else of ours comes in', async () => {
    const env = { ...process.env, HATCHERY_TEST_OURS: 'ours', HATCHERY_TEST_CANARY: 'secret' };
    const flags = ['-e', 'A=1=2', '-e', 'HATCHERY_TEST_OURS', '-e', 'HATCHERY_TEST_ABSENT'];
    const lines = (await output([...flags, 'env'], { env })).trim().split('\n');
    expect(lines).toContain('A=1=2');
    expect(lines).toContain('HATCHERY_TEST_OURS=ours');
    const names = lines.map((line) => line.split('=')[0]).filter((name) => name !== '_');
    expect(new Set(names)).toEqual(new Set(['A', 'HATCHERY_TEST_OURS', 'HOME', 'LANG', 'PATH', 'USER']));
  });

  it('-w, -u and --hostname choose directory, user and host name', async () => {
    expect(await output(['-w', '/tmp', 'pwd'])).toBe('/tmp\n');
    expect(await output(['-u', 'user', 'sh', '-c', 'id -un; cd; pwd'])).toBe('user\n/home/user\n');
    expect(await output(['--hostname', 'nest', 'uname', '-n'])).toBe('nest\n');
  });

  it('--pids and --memory are limits', async () => {
    const forks = await hatchery(['run', '--pids', '16', 'sh', '-c', 'for i in $(seq 40); do sleep 1000 & done']);
    expect(forks.stderr).toMatch(/fork|Resource temporarily unavailable/i);
    const grow = await hatchery(['run', '--memory', '32m', 'python3', '-c', 'bytearray(200 * 2**20)']);
    expect(grow.code).not.toBe(0);
  });

  it('-v shows a directory of the host, also by a relative path, and :ro keeps it as it is', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'hatchery-run-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    writeFileSync(join(directory, 'given'), 'from the host');
    const volumes = ['-v', `${directory}:/data/in:ro`, '-v', `${relative(process.cwd(), directory)}:/out`];
    const script = 'cat /data/in/given; cp /data/in/given /out/made; rm /data/in/given 2>&1 | grep -c Read-only';
    expect(await output([...volumes, 'sh', '-c', script])).toBe('from the host1\n');
    expect(readFileSync(join(directory, 'made'), 'utf8')).toBe('from the host');
    expect(statSync(join(directory, 'made')).uid).toBe(0);
  });

  it('leaves flags behind the command to the command', async () => {
    expect(await output(['echo', '-e', '--image', '-i'])).toBe('--image -i\n');
    expect(await output(['--', 'echo', '--', 'x'])).toBe('-- x\n');
  });
});
