import { execFileSync } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { Execution, Sandbox } from '../src/index.ts';
import { initOf } from './host-view.ts';
import { pendingTimers } from './pending-timers.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();

/** Makes the next process of a sandbox get `pid`: the kernel hands out the one after the last (ns_last_pid). */
function nextPid(sandbox: Sandbox, pid: number): void {
  const init = String(initOf(used.place.instance, sandbox.id));
  // nsenter --pid forks: what it starts is in the sandbox's pid namespace, with the host's files.
  const script = `echo ${pid - 2} >/proc/sys/kernel/ns_last_pid`;
  execFileSync('nsenter', ['-t', init, '-p', 'sh', '-c', script]);
}

async function sameAfterwards(execution: Execution): Promise<void> {
  execution.stdin?.write('still here\n');
  const [echo] = await once(execution.stdout, 'data');
  expect(String(echo)).toBe('still here\n');
}

/** Starts `cat` until it has the pid: the shell of nextPid may have taken a number more or less. */
async function startWithPid(sandbox: Sandbox, pid: number): Promise<Execution> {
  for (let tries = 0; tries < 20; tries++) {
    nextPid(sandbox, pid - (tries % 4));
    for (let forward = 0; forward < 6; forward++) {
      const execution = await sandbox.exec(['cat'], { stdin: 'pipe' });
      if (execution.pid === pid) return execution;
      await execution.kill();
      await execution.wait();
    }
  }
  throw new Error(`pid ${pid} was never given again`);
}

describe('a pid that is used again', () => {
  // Mutation: kill() signals whoever in `work` has the pid instead of the pidfd.
  test('inv-21: a signal for a dead execution does not reach the one that has its pid now', async () => {
    await using sandbox = await used.runtime.create();
    const first = await sandbox.exec(['true']);
    expect(await first.wait()).toMatchObject({ exitCode: 0 });
    const second = await startWithPid(sandbox, first.pid);
    await first.kill('SIGKILL');
    await sameAfterwards(second);
    second.stdin?.end();
    expect(await second.wait()).toMatchObject({ exitCode: 0 });
    expect(await first.wait()).toMatchObject({ exitCode: 0 });
  });

  // Mutation: enforceDeadline keeps its timer, its listener after the exit.
  test('inv-21: timer and abort signal of an execution are let go once its exit is seen', async () => {
    await using sandbox = await used.runtime.create();
    const timers = pendingTimers();
    // Not that of output whose end has not been seen yet (`lingerMs`).
    const hours = (): number[] => timers().flatMap((delay) => (delay > 60_000 ? [Math.round(delay / 3_600_000)] : []));
    const controller = new AbortController();
    const first = await sandbox.exec(['cat'], { stdin: 'pipe', timeoutMs: 3_600_000, signal: controller.signal });
    expect(hours()).toEqual([1]);
    first.stdin?.end();
    expect(await first.wait()).toMatchObject({ exitCode: 0, reason: 'exited' });
    expect(hours()).toEqual([]);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    const second = await startWithPid(sandbox, first.pid);
    controller.abort();
    await sameAfterwards(second);
  });

  // Mutation: executions are numbered 1 and 2 in turn.
  test('inv-21: what a given-up start did is never told to a later execution', async () => {
    await using sandbox = await used.runtime.create();
    for (let round = 0; round < 50; round++) {
      const controller = new AbortController();
      const given = sandbox.run(['sh', '-c', 'exit 99'], { signal: controller.signal });
      const own = Promise.all([41, 42, 43].map((code) => sandbox.run(['sh', '-c', `exit ${code}`])));
      controller.abort();
      await expect(given).rejects.toMatchObject({ name: 'AbortError' });
      expect((await own).map(({ exitCode }) => exitCode)).toEqual([41, 42, 43]);
    }
    expect(sandbox.executions()).toEqual([]);
  });
});
