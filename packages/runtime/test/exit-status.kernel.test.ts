import { describe, expect, test } from 'vitest';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();

describe('exit status', () => {
  // Mutation: onExit() takes the last slot instead of `exit.execution`'s.
  test('inv-18: 200 concurrent executions with distinct exit codes return their own codes', async () => {
    await using sandbox = await used.runtime.create({ limits: { pids: 1024, memoryBytes: 2 ** 30 } });
    const codes = Array.from({ length: 200 }, (_, index) => index + 1);
    const executions = await Promise.all(
      codes.map((code) => sandbox.exec(['sh', '-c', `read go; exit ${code}`], { stdin: 'pipe' })),
    );
    expect(sandbox.executions()).toHaveLength(200);
    for (const execution of executions.toReversed()) execution.stdin?.end('go\n');
    const statuses = await Promise.all(executions.map((execution) => execution.wait()));
    expect(statuses.map(({ exitCode }) => exitCode)).toEqual(codes);
    expect(new Set(executions.map(({ pid }) => pid)).size).toBe(200);
    expect(sandbox.executions()).toEqual([]);
  });

  test('wait() gives the same value any number of times, concurrently and later', async () => {
    await using sandbox = await used.runtime.create();
    const execution = await sandbox.exec(['sh', '-c', 'read go; exit 9'], { stdin: 'pipe' });
    const early = Array.from({ length: 20 }, () => execution.wait());
    execution.stdin?.end('go\n');
    const [first, ...others] = await Promise.all(early);
    for (const status of [...others, await execution.wait()]) expect(status).toBe(first);
    expect(first).toMatchObject({ exitCode: 9, signal: null, reason: 'exited' });
  });

  test('an aborted wait is only that wait: the program goes on and the next wait gets its code', async () => {
    await using sandbox = await used.runtime.create();
    const execution = await sandbox.exec(['sh', '-c', 'read go; exit 4'], { stdin: 'pipe' });
    const controller = new AbortController();
    const waiting = execution.wait({ signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError', code: 'ERR_ABORTED' });
    execution.stdin?.end('go\n');
    expect(await execution.wait()).toMatchObject({ exitCode: 4 });
  });

  test('a signal is told by its name, from outside and from inside, and a kill of the dead is fine', async () => {
    await using sandbox = await used.runtime.create();
    const killed = await sandbox.exec(['sleep', 'infinity']);
    await killed.kill('SIGUSR1');
    expect(await killed.wait()).toMatchObject({ exitCode: null, signal: 'SIGUSR1', reason: 'signaled' });
    await killed.kill();
    await killed.kill('SIGTERM');
    expect(await sandbox.run(['sh', '-c', 'kill -9 $$'])).toMatchObject({
      exitCode: null,
      signal: 'SIGKILL',
      reason: 'signaled',
    });
  });

  test('a kill with a name that is no signal is refused and kills nothing', async () => {
    await using sandbox = await used.runtime.create();
    const execution = await sandbox.exec(['cat'], { stdin: 'pipe' });
    // @ts-expect-error no such signal
    await expect(execution.kill('SIGNOPE')).rejects.toMatchObject({ code: 'ERR_SPEC_INVALID' });
    execution.stdin?.end();
    expect(await execution.wait()).toMatchObject({ exitCode: 0 });
  });

  test('usage tells the time and the memory that the program took, its waited-for children included', async () => {
    await using sandbox = await used.runtime.create();
    const burn = 'x = bytearray(64 << 20)\nimport time\nwhile time.process_time() < 0.2: pass';
    const { usage, exitCode } = await sandbox.run(['sh', '-c', `python3 -c '${burn}'; exit 0`]);
    expect(exitCode).toBe(0);
    expect((usage?.userMs ?? 0) + (usage?.systemMs ?? 0)).toBeGreaterThan(190);
    expect(usage?.maxRssBytes).toBeGreaterThan(64 * 2 ** 20);
    const idle = await sandbox.run(['true']);
    expect(idle.usage?.maxRssBytes).toBeLessThan(64 * 2 ** 20);
  });
});
