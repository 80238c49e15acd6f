import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { useHostileRuntime } from './hostile-runtime.ts';
import { listBelongings } from './leak-check.ts';
import { probe } from './probe.ts';

const hostile = useHostileRuntime();

// Mutation: destroy() resolves before its teardown has ended.
describe('processes that do not want to die', () => {
  test('L03: forty orphans in sessions of their own, deaf to signals, are gone once their sandbox is', async () => {
    const before = listBelongings(hostile.scope).processes;
    const sandbox = await hostile.create();
    expect((await probe(sandbox, ['orphans', '40'])).get('orphans')).toEqual({ word: 'made', detail: '40' });
    // Init and the orphans, seen from the host: without them the end of this test would prove nothing.
    expect(listBelongings(hostile.scope).processes.length).toBeGreaterThanOrEqual(before.length + 41);
    await sandbox.destroy();
    const left = listBelongings(hostile.scope).processes.filter((line) => !before.includes(line));
    expect(left).toEqual([]);
  });

  test('L04: a storm of processes that fork and end is gone when destroy returns', async () => {
    const before = listBelongings(hostile.scope).processes;
    const sandbox = await hostile.create();
    const execution = await sandbox.exec(['/sp', 'forkstorm']);
    const [first] = await once(execution.stdout, 'data');
    expect(String(first)).toBe('forkstorm raging\n');
    execution.stdout.resume();
    await sandbox.destroy();
    const left = listBelongings(hostile.scope).processes.filter((line) => !before.includes(line));
    expect(left).toEqual([]);
    // Init died with it, so nobody saw its status: none is made up.
    expect(await execution.wait()).toMatchObject({ exitCode: null, signal: null, reason: 'destroyed' });
  });

  test('L04: ten storms destroyed at once leave nothing either', async () => {
    const before = listBelongings(hostile.scope).processes;
    const storms = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const sandbox = await hostile.create({ limits: { pids: 64 } });
        const execution = await sandbox.exec(['/sp', 'forkstorm']);
        await once(execution.stdout, 'data');
        execution.stdout.resume();
        return sandbox;
      }),
    );
    await Promise.all(storms.map((sandbox) => sandbox.destroy()));
    const left = listBelongings(hostile.scope).processes.filter((line) => !before.includes(line));
    expect(left).toEqual([]);
  });
});
