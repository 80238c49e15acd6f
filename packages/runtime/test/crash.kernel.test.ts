import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { listBelongings } from '../../../tests/hostile/leak-check.ts';
import { Runtime } from '../src/index.ts';
import { initOf, pidsIn, unifiedCgroup, zygoteOf } from './host-view.ts';
import { ended, linesOf, nextLine, startProgram } from './run-program.ts';
import { shell } from './shell.ts';
import { type Place, usePlace, useRuntime } from './use-runtime.ts';

/** Starts an owner of three sandboxes; what it resolves with kills it and waits until the kernel has let go of it. */
async function startOwner(place: Place): Promise<() => Promise<void>> {
  const args = [place.runDirectory, place.dataDirectory, '3'];
  const child = startProgram(new URL('./programs/own-sandboxes.ts', import.meta.url), args);
  const end = ended(child);
  expect(await nextLine(linesOf(child))).toBe('ready');
  return async () => {
    child.kill('SIGKILL');
    expect(await end).toMatchObject({ signal: 'SIGKILL' });
  };
}

describe('a runtime’s process that is killed', () => {
  const place = usePlace();

  // Mutation: sweepAbandoned left out of Runtime.open().
  test('private ones, six at once: one open() and its close() sweep them all', async () => {
    const { runDirectory, dataDirectory } = place;
    // All first: each one that opens sweeps those that are dead.
    const kills = await Promise.all(Array.from({ length: 6 }, () => startOwner(place)));
    await Promise.all(kills.map((kill) => kill()));
    expect(listBelongings(place).directories).toHaveLength(18);
    await (await Runtime.open({ runDirectory, dataDirectory })).close();
    // Only named instances' directories stay.
    expect(readdirSync(join(runDirectory, 'instances')).filter((name) => name.startsWith('private-'))).toEqual([]);
    await place.expectNoLeaks();
  });
});

describe('parts that are killed under a living runtime', () => {
  const used = useRuntime();

  // First: descriptors of zygotes that died go a moment after their successors have come.
  // Mutation: onConnectionClosed does nothing.
  test('init: executions end as lost, the sandbox leaves the list, nothing stays', async () => {
    const { runtime, place } = used;
    await runtime.create().then((sandbox) => sandbox.destroy());
    const before = used.belongings();
    const sandbox = await runtime.create();
    const executions = await Promise.all([0, 1, 2].map(() => sandbox.exec(['sleep', 'infinity'])));
    process.kill(initOf(place.instance, sandbox.id), 'SIGKILL');
    for (const execution of executions)
      expect(await execution.wait()).toEqual({ exitCode: null, signal: null, reason: 'lost', usage: null });
    await vi.waitUntil(() => runtime.get(sandbox.id) === undefined, { timeout: 10_000 });
    expect(sandbox.state).toBe('destroyed');
    await expect(sandbox.exec(['true'])).rejects.toMatchObject({ code: 'ERR_SANDBOX_STATE' });
    await sandbox.destroy();
    await used.expectAgain(before);
    expect(() => readdirSync(unifiedCgroup(place.instance, sandbox.id))).toThrow('ENOENT');
  });

  // Mutation: ZygoteKeeper.#onDeath does not start another.
  test('inv-30: the zygote: running programs go on, are still controlled, and the next create succeeds', async () => {
    const { runtime, place } = used;
    await using sandbox = await runtime.create();
    const execution = await sandbox.exec(['cat'], { stdin: 'pipe' });
    for (let round = 0; round < 5; round++) {
      const zygote = zygoteOf(place.instance);
      process.kill(zygote, 'SIGKILL');
      execution.stdin?.write(`round ${round}\n`);
      const [echo] = await once(execution.stdout, 'data');
      expect(String(echo)).toBe(`round ${round}\n`);
      expect(await shell(sandbox, 'echo here')).toBe('here');
      await vi.waitUntil(() => pidsIn(unifiedCgroup(place.instance, '@zygote')).some((pid) => pid !== zygote), {
        timeout: 10_000,
      });
      await using next = await runtime.create();
      expect(await shell(next, 'echo here')).toBe('here');
      expect(zygoteOf(place.instance)).not.toBe(zygote);
    }
    execution.stdin?.end();
    expect(await execution.wait()).toMatchObject({ exitCode: 0 });
  });

  // Mutation: make() does not have a zygote replaced whose connection is closed: creates fail for as long as nobody waits.
  test('inv-30: the zygote, under creates that come one right after the other: at most two of them fail', async () => {
    const { runtime, place } = used;
    for (let round = 0; round < 10; round++) {
      process.kill(zygoteOf(place.instance), 'SIGKILL');
      const codes: string[] = [];
      for (let attempt = 0; attempt < 50; attempt++) {
        const code = await runtime.create().then(
          async (sandbox) => {
            await sandbox.destroy();
            return 'made';
          },
          (error: unknown) => (error as { code: string }).code,
        );
        codes.push(code);
        if (code === 'made') break;
      }
      expect(codes.at(-1)).toBe('made');
      expect(codes.filter((code) => code === 'ERR_ZYGOTE_LOST').length).toBeLessThanOrEqual(2);
      for (const { id, state } of runtime.list()) if (state === 'failed') await runtime.get(id)?.destroy();
    }
  });
});
