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
async function startOwner(place: Place, instance: string | null): Promise<() => Promise<void>> {
  const args = [place.runDirectory, place.dataDirectory, '3', ...(instance === null ? [] : [instance])];
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

  // Mutation: sweepInstance left out of Runtime.open().
  test('a named one: its sandboxes end, and the next open() sweeps cgroups, directories and leases before it resolves', async () => {
    const { runDirectory, dataDirectory, instance } = place;
    const kill = await startOwner(place, instance);
    await kill();
    expect(listBelongings(place).directories).toHaveLength(3);
    expect(listBelongings(place).idRanges.length).toBeGreaterThanOrEqual(3);
    const runtime = await Runtime.open({ runDirectory, dataDirectory, instance });
    expect(runtime.list()).toEqual([]);
    const { directories, idRanges, cgroups } = listBelongings(place);
    expect({ directories, idRanges, sandboxes: cgroups.filter((path) => path.includes('owned')) }).toEqual({
      directories: [],
      idRanges: [],
      sandboxes: [],
    });
    await using again = await runtime.create({ id: 'owned0' });
    expect(await shell(again, 'echo works')).toBe('works');
    await runtime.close();
    await place.expectNoLeaks();
  });

  // Mutation: sweepAbandoned left out of Runtime.open().
  test('private ones, six at once: one open() and its close() sweep them all', async () => {
    const { runDirectory, dataDirectory } = place;
    // All first: each one that opens sweeps those that are dead.
    const kills = await Promise.all(Array.from({ length: 6 }, () => startOwner(place, null)));
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
      await vi.waitUntil(() => pidsIn(unifiedCgroup(place.instance, '@zygote')).some((pid) => pid !== zygote));
      await using next = await runtime.create();
      expect(await shell(next, 'echo here')).toBe('here');
      expect(zygoteOf(place.instance)).not.toBe(zygote);
    }
    execution.stdin?.end();
    expect(await execution.wait()).toMatchObject({ exitCode: 0 });
  });

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
    await vi.waitUntil(() => runtime.get(sandbox.id) === undefined);
    expect(sandbox.state).toBe('destroyed');
    await expect(sandbox.exec(['true'])).rejects.toMatchObject({ code: 'ERR_SANDBOX_STATE' });
    await sandbox.destroy();
    await used.expectAgain(before);
    expect(() => readdirSync(unifiedCgroup(place.instance, sandbox.id))).toThrow('ENOENT');
  });
});
