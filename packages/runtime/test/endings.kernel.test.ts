import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Execution, Runtime, type Sandbox } from '../src/index.ts';
import { pidsIn, unifiedCgroup } from './host-view.ts';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();

/** Ignores SIGTERM and has a child in a session of its own that does, too; says `ready` when both do. */
const stubborn =
  "trap '' TERM HUP; setsid sh -c \"trap '' TERM HUP; echo ready; while :; do sleep 1000; done\" & while :; do sleep 1000; done";

async function startStubborn(sandbox: Sandbox, options: object): Promise<Execution> {
  const execution = await sandbox.exec(['sh', '-c', stubborn], options);
  await once(execution.stdout, 'data');
  execution.stdout.resume();
  return execution;
}

function liveIn(sandbox: Sandbox): number[] {
  const work = unifiedCgroup(used.place.instance, `${sandbox.id}/work`);
  return [work, ...treesOf(sandbox)].flatMap(pidsIn);
}

/** The cgroups of single executions, below `work`. */
function treesOf(sandbox: Sandbox): string[] {
  const work = unifiedCgroup(used.place.instance, `${sandbox.id}/work`);
  return readdirSync(work)
    .filter((name) => /^x\d+$/.test(name))
    .map((name) => join(work, name));
}

describe('how executions end', () => {
  // Mutation: `signal` of the tree's cgroup left out of signalTree() and exited(): the child lives on.
  test('inv-22: a timeout ends a program that ignores TERM and HUP, and its child in another session', async () => {
    await using sandbox = await used.runtime.create();
    const execution = await startStubborn(sandbox, { timeoutMs: 300, killGraceMs: 100 });
    expect(await execution.wait()).toMatchObject({
      exitCode: null,
      signal: 'SIGKILL',
      reason: 'timeout',
      usage: { maxRssBytes: expect.any(Number) },
    });
    await expect.poll(() => liveIn(sandbox)).toEqual([]);
    expect(await shell(sandbox, 'echo here')).toBe('here');
  });

  // Mutation: SIGKILL for the command alone. (By a list of pids instead of cgroup.kill a child lives on only now and then.)
  test('inv-22: a timeout ends a storm of forks whole', async () => {
    await using sandbox = await used.runtime.create({ limits: { pids: 512 } });
    // Each lives no longer than it takes to make the next: a list of them is never true. The command itself forks no more
    // once the storm is there: at the limit of processes a shell that cannot fork exits.
    const storm = 'f() { f & }; (for chain in $(seq 40); do f; done) 2>/dev/null; exec sleep infinity';
    const execution = await sandbox.exec(['sh', '-c', storm], { timeoutMs: 300, killGraceMs: 100 });
    expect(await execution.wait()).toMatchObject({ exitCode: null, reason: 'timeout' });
    await expect.poll(() => liveIn(sandbox)).toEqual([]);
    expect(await shell(sandbox, 'echo here')).toBe('here');
  });

  test('a timeout gives a program that heeds TERM the time to end by itself', async () => {
    await using sandbox = await used.runtime.create();
    const result = await sandbox.run(['sh', '-c', "trap 'echo bye; exit 3' TERM; echo up; sleep infinity & wait"], {
      timeoutMs: 200,
    });
    expect({ ...result, stdout: String(result.stdout) }).toMatchObject({
      exitCode: 3,
      reason: 'timeout',
      stdout: 'up\nbye\n',
    });
    await expect.poll(() => liveIn(sandbox)).toEqual([]);
  });

  // Mutation: TreeCgroups.make() does not look at those that were left.
  test('the cgroup of an execution whose background process outlived it goes once that has ended, too', async () => {
    await using sandbox = await used.runtime.create();
    const timed = { timeoutMs: 60_000 };
    const pid = await shell(sandbox, 'sleep infinity > /dev/null 2>&1 & echo $!', timed);
    const [tree = ''] = treesOf(sandbox);
    expect(pidsIn(tree)).toHaveLength(1);
    await shell(sandbox, `kill -9 ${pid}`, timed);
    await expect.poll(() => pidsIn(tree)).toEqual([]);
    await shell(sandbox, 'true', timed);
    expect(existsSync(tree)).toBe(false);
  });

  test('aborting its signal kills the whole tree', async () => {
    await using sandbox = await used.runtime.create();
    const controller = new AbortController();
    const execution = await startStubborn(sandbox, { signal: controller.signal });
    controller.abort();
    expect(await execution.wait()).toMatchObject({ signal: 'SIGKILL', reason: 'signaled' });
    await expect.poll(() => liveIn(sandbox)).toEqual([]);
  });

  // Mutation: end() does not set #endReason.
  test('destroy ends running programs as destroyed, and what they wrote is still there', async () => {
    const sandbox = await used.runtime.create();
    const execution = await sandbox.exec(['sh', '-c', 'printf written; exec sleep infinity']);
    const [chunk] = await once(execution.stdout, 'data');
    const waiting = execution.wait();
    await sandbox.destroy();
    expect(`${chunk}`).toBe('written');
    expect(await waiting).toMatchObject({ exitCode: null, reason: 'destroyed' });
    expect(sandbox.state).toBe('destroyed');
    expect(used.runtime.get(sandbox.id)).toBeUndefined();
    await expect(sandbox.exec(['true'])).rejects.toMatchObject({ code: 'ERR_SANDBOX_STATE' });
  });

  // Mutation: end() starts a teardown for each call; a later call returns before the teardown is done.
  test('inv-68: destroying twice, concurrently and afterwards, is one destroy', async () => {
    const before = used.belongings();
    const sandbox = await used.runtime.create();
    const events = used.runtime.events();
    const first = events.next();
    const states = await Promise.all(Array.from({ length: 5 }, () => sandbox.destroy().then(() => sandbox.state)));
    expect(new Set(states)).toEqual(new Set(['destroyed']));
    await sandbox.destroy();
    await used.expectAgain(before);
    expect(await first).toMatchObject({ value: { type: 'destroyed', sandboxId: sandbox.id } });
    const other = await used.runtime.create();
    expect(await events.next()).toMatchObject({ value: { type: 'created', sandboxId: other.id } });
    await other.destroy();
  });

  test('a descendant with a cgroup of its own is gone with its sandbox', async () => {
    const before = used.belongings();
    const sandbox = await used.runtime.create();
    await startStubborn(sandbox, { timeoutMs: 3_600_000 });
    await sandbox.run(['sh', '-c', 'sleep infinity & exit 0'], { timeoutMs: 3_600_000 });
    expect(liveIn(sandbox).length).toBeGreaterThanOrEqual(4);
    await sandbox.destroy();
    await used.expectAgain(before);
  });

  // Mutation: close() ends sandboxes as 'destroyed'.
  test('close() ends live sandboxes as forced-close, undoes creates in flight, and refuses later calls', async () => {
    const { runDirectory, dataDirectory } = used.place;
    const before = used.belongings();
    const runtime = await Runtime.open({ runDirectory, dataDirectory });
    const sandbox = await runtime.create();
    const execution = await sandbox.exec(['sleep', 'infinity']);
    const flying = Array.from({ length: 20 }, () => runtime.create());
    const settled = Promise.allSettled(flying);
    const closing = runtime.close();
    await expect(runtime.create()).rejects.toMatchObject({ name: 'RuntimeClosedError', code: 'ERR_RUNTIME_CLOSED' });
    await closing;
    await runtime.close();
    expect(await execution.wait()).toMatchObject({ exitCode: null, reason: 'forced-close' });
    for (const result of await settled) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'ERR_RUNTIME_CLOSED' });
      else expect(result.value.state).toBe('destroyed');
    }
    for (const call of [() => runtime.create(), () => runtime.doctor(), () => sandbox.exec(['true'])])
      await expect(call()).rejects.toMatchObject({ code: 'ERR_RUNTIME_CLOSED' });
    await sandbox.destroy();
    expect(runtime.list()).toEqual([]);
    await used.expectAgain(before);
  });
});
