import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { pidsIn, unifiedCgroup } from './host-view.ts';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();

/** What a sandbox's commands are born in; a frozen one lets none of them reach its execve, and init waits for that. */
function workOf(sandboxId: string) {
  const path = unifiedCgroup(used.place.instance, `${sandboxId}/work`);
  const freeze = (on: boolean): void => writeFileSync(join(path, 'cgroup.freeze'), on ? '1' : '0');
  return { path, freeze };
}

const codeOf = (start: Promise<unknown>): Promise<string> =>
  start.then(
    () => 'started',
    (error: { code?: string }) => error.code ?? 'an error without a code',
  );

describe('a start that stalls before its execve', () => {
  // Mutation: endStalled() kills whoever init waits for, whatever its age.
  test('inv-25: is not ended by the short timeout of another that waits behind it, and goes on when it can', async () => {
    await using sandbox = await used.runtime.create();
    const { path, freeze } = workOf(sandbox.id);
    freeze(true);
    const slow = sandbox.run(['sh', '-c', 'echo slow']);
    await vi.waitUntil(() => pidsIn(path).length === 1, { timeout: 10_000 });
    const [stalled] = pidsIn(path);
    expect(await codeOf(sandbox.exec(['true'], { timeoutMs: 100 }))).toBe('ERR_EXEC_FAILED');
    expect(pidsIn(path)).toEqual([stalled]);
    freeze(false);
    const { stdout, exitCode } = await slow;
    expect([String(stdout), exitCode]).toEqual(['slow\n', 0]);
    expect(await shell(sandbox, 'echo here')).toBe('here');
    expect(sandbox.executions()).toEqual([]);
  });

  // Mutation: killStalled() left out of endStalled(): init waits for ever; its second look left out: what stood behind the
  // first does.
  test('inv-25: is given up after its deadline and killed, and so is the one behind it; then the sandbox takes commands again', async () => {
    await using sandbox = await used.runtime.create();
    const { path, freeze } = workOf(sandbox.id);
    freeze(true);
    const onPipes = codeOf(sandbox.exec(['sleep', 'infinity']));
    await vi.waitUntil(() => pidsIn(path).length === 1, { timeout: 10_000 });
    const seen = new Set(pidsIn(path));
    const onTerminal = codeOf(sandbox.exec(['sleep', 'infinity'], { tty: { columns: 80, rows: 24 } }));
    expect(await Promise.all([onPipes, onTerminal])).toEqual(['ERR_EXEC_FAILED', 'ERR_EXEC_FAILED']);
    // Both are killed, one after the other, though nothing thaws them.
    await vi.waitUntil(
      () => {
        for (const pid of pidsIn(path)) seen.add(pid);
        return seen.size === 2 && pidsIn(path).length === 0;
      },
      { timeout: 30_000 },
    );
    freeze(false);
    expect(await shell(sandbox, 'echo here')).toBe('here');
    expect(sandbox.executions()).toEqual([]);
  }, 60_000);
});
