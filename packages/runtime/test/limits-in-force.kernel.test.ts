import { describe, expect, test } from 'vitest';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();
const mebibyte = 2 ** 20;

// Mutation, for each: its controller left out of setLimits().
describe('limits are in force', () => {
  test('memory: a program that takes more is killed, and its sandbox goes on', async () => {
    await using sandbox = await used.runtime.create({ limits: { memoryBytes: 64 * mebibyte } });
    const take = (megabytes: number) =>
      sandbox.run(['python3', '-c', `x = b"1" * (${megabytes} << 20); print(len(x) >> 20)`]);
    expect(await take(16)).toMatchObject({ exitCode: 0 });
    expect(await take(256)).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
    expect(await shell(sandbox, 'echo here')).toBe('here');
  });

  test('pids: a fork beyond the limit fails, and works again when there is room', async () => {
    await using sandbox = await used.runtime.create({ limits: { pids: 16 } });
    const program =
      'import os, time\nn = 0\ntry:\n  while n < 100:\n    if os.fork() == 0: time.sleep(1000)\n    n += 1\nexcept BlockingIOError: pass\nprint(n, flush=True)\nos.killpg(0, 9)';
    const { stdout } = await sandbox.run(['python3', '-c', program]);
    // Init and the program itself count.
    expect(stdout.toString()).toBe('14\n');
    expect(await shell(sandbox, 'echo here')).toBe('here');
  });

  test('cpus: a program that spins for a second of wall-clock time gets its share of CPU time', async () => {
    await using sandbox = await used.runtime.create({ limits: { cpus: 0.2 } });
    const program = 'import time\ne = time.monotonic() + 1\nwhile time.monotonic() < e: pass';
    const { usage } = await sandbox.run(['python3', '-c', program]);
    // More CPU time than a fifth, with a period's slack, means that nothing throttled; a busy machine can only lower it.
    expect((usage?.userMs ?? 0) + (usage?.systemMs ?? 0)).toBeLessThan(450);
  });

  test('root: writing beyond rootBytes is ENOSPC, not an out-of-memory kill, and removing makes room', async () => {
    await using sandbox = await used.runtime.create({
      limits: { memoryBytes: 64 * mebibyte, rootBytes: 8 * mebibyte },
    });
    const full = await sandbox.run(['sh', '-c', 'head -c 33554432 /dev/zero >/tmp/big']);
    expect(full.exitCode).not.toBe(0);
    expect(full.signal).toBeNull();
    expect(full.stderr.toString()).toMatch(/No space left/);
    expect(await shell(sandbox, 'rm /tmp/big; head -c 4194304 /dev/zero >/tmp/fits; wc -c </tmp/fits')).toBe('4194304');
  });
});
