import { describe, expect, test, vi } from 'vitest';
import { type Execution, type OutputEvent, Runtime, type RuntimeEvent, type Sandbox } from '../src/index.ts';
import { initOf, pidsIn, unifiedCgroup } from './host-view.ts';
import { ended, linesOf, nextLine, startProgram } from './run-program.ts';
import { shell } from './shell.ts';
import { type Place, usePlace } from './use-runtime.ts';

const place = usePlace();

/** A runner that is killed in the middle of its work. */
async function leaveSandboxes(at: Place, count: number): Promise<void> {
  const { runDirectory, dataDirectory, instance } = at;
  const child = startProgram(new URL('./programs/leave-sandboxes.ts', import.meta.url), [
    runDirectory,
    dataDirectory,
    instance,
    String(count),
  ]);
  const end = ended(child);
  expect(await nextLine(linesOf(child))).toBe('ready');
  child.kill('SIGKILL');
  expect(await end).toMatchObject({ signal: 'SIGKILL' });
}

const open = (): Promise<Runtime> => {
  const { runDirectory, dataDirectory, instance } = place;
  return Runtime.open({ pool: false, runDirectory, dataDirectory, instance });
};

async function allOf(execution: Execution): Promise<OutputEvent[]> {
  const events: OutputEvent[] = [];
  for await (const event of execution.attach()) events.push(event);
  return events;
}

const textOf = (events: readonly OutputEvent[], stream: 'stdout' | 'stderr'): string =>
  events.flatMap((event) => (event.type === 'data' && event.stream === stream ? [event.data.toString()] : [])).join('');

describe('after kill -9 of its runner', () => {
  // Mutation: adoptInstance left out of open(); the ring not restored; numbers of executions begin at 0 again.
  test('inv-44: sandboxes are adopted as they were, and what they write, wrote and how they end is told', async () => {
    await leaveSandboxes(place, 3);
    await using runtime = await open();
    expect(
      runtime
        .list()
        .map(({ id, state, metadata }) => `${id} ${state} ${metadata['index']}`)
        .toSorted(),
    ).toEqual(['left0 running 0', 'left1 running 1', 'left2 running 2']);
    const events: RuntimeEvent['type'][] = [];
    void (async () => {
      for await (const event of runtime.events()) events.push(event.type);
    })();
    for (const sandbox of runtime.list()) {
      const [execution] = sandbox.executions();
      if (execution === undefined) throw new Error('the execution is gone');
      const index = Number(sandbox.metadata['index']);
      expect(execution.tag).toBe(`tag ${index}`);
      const replayed = allOf(execution);
      expect(await shell(sandbox, 'touch /tmp/go; echo here')).toBe('here');
      expect(await execution.wait()).toMatchObject({ exitCode: index, reason: 'exited' });
      const told = await replayed;
      expect(textOf(told, 'stdout')).toBe('first\nsecond\n');
      expect(textOf(told, 'stderr')).toBe('error\n');
      expect(told.at(-1)).toMatchObject({ type: 'exit' });
      expect(told.filter(({ type }) => type === 'exit')).toHaveLength(1);
    }
    await Promise.all(runtime.list().map((sandbox) => sandbox.destroy()));
  });

  test('inv-44: exits of the time without a runner are told to the next, once', async () => {
    await leaveSandboxes(place, 2);
    // While nobody is there: from outside, through its root.
    const { writeFileSync } = await import('node:fs');
    for (const id of ['left0', 'left1']) writeFileSync(`/proc/${initOf(place.instance, id)}/root/tmp/go`, '');
    await vi.waitUntil(() => noneLeft('left0') && noneLeft('left1'), { timeout: 10_000 });
    await using runtime = await open();
    const found = runtime.list().flatMap((sandbox) => sandbox.executions());
    const statuses = await Promise.all(found.map((execution) => execution.wait()));
    expect(new Set(statuses.map(({ exitCode }) => exitCode))).toEqual(new Set([0, 1]));
    for (const execution of found) expect(textOf(await allOf(execution), 'stdout')).toBe('first\nsecond\n');
    await Promise.all(runtime.list().map((sandbox) => sandbox.destroy()));
  });

  // Mutation: the state not taken from the cgroup.
  test('inv-44: a paused one is paused, and its timeout stands still', async () => {
    await using first = await open();
    const sandbox = await first.create({ id: 'paused', timeoutMs: 400 });
    await sandbox.pause();
    await first.close({ sandboxes: 'keep' });
    await using second = await open();
    const found = second.get('paused');
    expect(found?.state).toBe('paused');
    expect(found?.expiresAt).toBeNull();
    await expect(found?.exec(['true'])).rejects.toMatchObject({ code: 'ERR_SANDBOX_STATE' });
    found?.setTimeout(null);
    await found?.resume();
    expect(await shell(found as Sandbox, 'echo on')).toBe('on');
    await found?.destroy();
  });

  // Mutation: the deadline not restored.
  test('a deadline holds: one that has passed meanwhile happens at once', async () => {
    await using first = await open();
    await first.create({ id: 'due', timeoutMs: 200 });
    await first.create({ id: 'later', timeoutMs: 3_600_000 });
    const expiresAt = first.get('later')?.expiresAt;
    await first.close({ sandboxes: 'keep' });
    await using second = await open();
    expect(second.get('later')?.expiresAt).toEqual(expiresAt);
    await vi.waitUntil(() => second.get('due') === undefined, { timeout: 10_000 });
    await second.get('later')?.destroy();
  });
});

function noneLeft(id: string): boolean {
  const { instance } = place;
  return pidsIn(unifiedCgroup(instance, `${id}/work`)).length === 0;
}

describe('close() that keeps the sandboxes', () => {
  test('tells whoever waits that the runtime is closed, and the programs run on', async () => {
    const first = await open();
    const sandbox = await first.create({ id: 'kept' });
    const execution = await sandbox.exec(['sh', '-c', 'read line; echo $line; exec sleep infinity'], {
      stdin: 'pipe',
      tty: { columns: 80, rows: 24 },
    });
    const waiting = execution.wait().catch((error: unknown) => error);
    const attached = allOf(execution).catch((error: unknown) => error);
    await first.close({ sandboxes: 'keep' });
    expect(await waiting).toMatchObject({ code: 'ERR_RUNTIME_CLOSED' });
    expect(await attached).toMatchObject({ code: 'ERR_RUNTIME_CLOSED' });
    await using second = await open();
    const [again] = second.get('kept')?.executions() ?? [];
    if (again === undefined) throw new Error('the execution is gone');
    expect(again.id).toBe(execution.id);
    // A terminal is there again with all it was.
    const seen: string[] = [];
    again.stdout.on('data', (chunk: Buffer) => seen.push(chunk.toString()));
    again.stdin?.write('typed\n');
    await vi.waitUntil(() => seen.join('').includes('typed\r\ntyped\r\n'), { timeout: 10_000 });
    await again.resize({ columns: 100, rows: 30 });
    await again.kill();
    expect(await again.wait()).toMatchObject({ signal: 'SIGKILL' });
    await second.get('kept')?.destroy();
  });

  // Mutation: the cgroups given back only by a close that destroys.
  test('leaves nothing where there is nothing to keep', async () => {
    const first = await open();
    await (await first.create()).destroy();
    await first.close({ sandboxes: 'keep' });
    await place.expectNoLeaks();
  });

  test('is refused for a private instance, whose sandboxes nobody comes back to', async () => {
    const { runDirectory, dataDirectory } = place;
    await using runtime = await Runtime.open({ runDirectory, dataDirectory });
    await expect(runtime.close({ sandboxes: 'keep' })).rejects.toMatchObject({ code: 'ERR_SPEC_INVALID' });
  });

  test('a second owner of the instance is refused with the first one’s pid', async () => {
    await using _runtime = await open();
    await expect(open()).rejects.toMatchObject({
      code: 'ERR_INSTANCE_LOCKED',
      message: expect.stringContaining(String(process.pid)),
    });
  });
});
