import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import { Runtime, type RuntimeEvent } from '../src/index.ts';
import { usePlace } from './use-runtime.ts';

const place = usePlace();
const open = (options: object = {}): Promise<Runtime> => {
  const { runDirectory, dataDirectory } = place;
  return Runtime.open({ runDirectory, dataDirectory, ...options });
};

/** Lets everything that can happen by itself happen: the process is dead, and the event loop has been round. */
async function untilGone(pid: () => boolean): Promise<void> {
  while (pid()) await new Promise((resolve) => setImmediate(resolve));
}

describe('the queue of a runtime', () => {
  // Mutation: WorkQueue.post runs the work at once.
  test('inv-1: with a manual drain no exit settles and no event is seen until the application drains', async () => {
    await using runtime = await open({ drain: 'manual' });
    const seen: RuntimeEvent[] = [];
    const reading = (async () => {
      for await (const event of runtime.events()) seen.push(event);
    })();
    const sandbox = await runtime.create();
    const execution = await sandbox.exec(['sh', '-c', 'echo out; exit 3']);
    const output = execution.stdout.toArray();
    let settled = false;
    const exit = execution.wait().finally(() => (settled = true));
    // End of file: the process is gone, and its exit is on its way.
    expect(String(Buffer.concat((await output) as Buffer[]))).toBe('out\n');
    await untilGone(() => sandbox.executions().some(({ id }) => id !== execution.id));
    expect([settled, seen]).toEqual([false, []]);
    expect(runtime.drain({ max: 1 })).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen.map(({ type, sandboxId }) => [type, sandboxId])).toEqual([['created', sandbox.id]]);
    while (runtime.drain() === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(await exit).toMatchObject({ exitCode: 3 });
    await sandbox.destroy();
    expect(runtime.drain()).toBe(1);
    await runtime.close();
    await reading;
    expect(seen.map(({ type, reason }) => [type, reason])).toEqual([
      ['created', null],
      ['destroyed', 'destroyed'],
    ]);
    expect(seen[0]).toMatchObject({ lifecycleId: sandbox.lifecycleId, at: expect.any(Date) });
  });

  // Mutation: close() neither drains nor closes the queue: the exit is never told; it does not end the feed.
  test('inv-6: close ends what waits although nobody drains: exits are told, readers of events end', async () => {
    const runtime = await open({ drain: 'manual' });
    const sandbox = await runtime.create();
    const execution = await sandbox.exec(['sleep', 'infinity']);
    const waits = Promise.all([execution.wait(), execution.wait()]);
    const events = runtime.events().next();
    await runtime.close();
    for (const status of await waits)
      expect(status).toEqual({ exitCode: null, signal: null, reason: 'forced-close', usage: null });
    expect(await events).toMatchObject({ value: { type: 'created' } });
    expect(await runtime.events().next()).toEqual({ done: true, value: undefined });
  });

  // Mutation: close() does not take the draining over: it waits for ever for work that waits for an exit.
  test('inv-6: close ends a call of its own that waits for an exit, although nobody drains', async () => {
    const runtime = await open({ drain: 'manual' });
    const created = runtime.events().next();
    const doctor = runtime.doctor();
    const refused = expect(doctor).rejects.toMatchObject({ code: 'ERR_RUNTIME_CLOSED' });
    // Its sandbox is there: from now on it waits for a program's exit, which nobody drains.
    await vi.waitUntil(() => runtime.list().some((sandbox) => sandbox.executions().length > 0), { timeout: 20_000 });
    await runtime.close();
    await refused;
    await created;
    expect(runtime.list()).toEqual([]);
  });

  // Mutation: #end() is posted with the exit instead of taking effect at once.
  test('inv-10: that a process has ended is known at once, although its exit is not published yet', async () => {
    await using runtime = await open({ drain: 'manual' });
    await using sandbox = await runtime.create();
    const execution = await sandbox.exec(['true'], { timeoutMs: 60_000, stdin: 'pipe' });
    let settled = false;
    const exit = execution.wait().finally(() => (settled = true));
    // Its end closes our end of its input; nothing was drained.
    await once(execution.stdin as Writable, 'close');
    // Nobody is left to be hit: its pidfd is closed, its timer is gone.
    await execution.kill();
    expect(settled).toBe(false);
    expect(sandbox.executions()).toEqual([execution]);
    while (runtime.drain() === 0) await new Promise((resolve) => setImmediate(resolve));
    runtime.drain();
    expect(await exit).toMatchObject({ exitCode: 0, reason: 'exited' });
    expect(sandbox.executions()).toEqual([]);
    const destroyed = sandbox.destroy();
    await destroyed;
  });

  test('a runtime that drains by itself refuses drain(), and bad options name themselves', async () => {
    await using runtime = await open();
    expect(() => runtime.drain()).toThrow(expect.objectContaining({ code: 'ERR_SPEC_INVALID' }));
    for (const options of [{ drain: 'never' }, { replayBytes: -1 }, { exitRetentionMs: 1.5 }, { orphanMs: 0 }])
      await expect(open(options)).rejects.toMatchObject({
        code: 'ERR_SPEC_INVALID',
        message: expect.stringContaining(Object.keys(options)[0] ?? ''),
      });
  });

  // Mutation: the reader's signal is not looked at.
  test('a reader of events gets them in order, and leaves when its signal is aborted', async () => {
    await using runtime = await open();
    const events = runtime.events();
    const first = events.next();
    await (await runtime.create()).destroy();
    expect(await first).toMatchObject({ value: { type: 'created' } });
    expect(await events.next()).toMatchObject({ value: { type: 'destroyed', reason: 'destroyed' } });
    const controller = new AbortController();
    const aborted = runtime.events({ signal: controller.signal }).next();
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  });
});
