import { once } from 'node:events';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { RuntimeEvent, Sandbox } from '../src/index.ts';
import { LiveSandbox } from '../src/sandbox/sandbox.ts';
import { initOf, unifiedCgroup } from './host-view.ts';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();

function isFrozen(sandbox: Sandbox): boolean {
  const work = unifiedCgroup(used.place.instance, `${sandbox.id}/work`);
  return readFileSync(join(work, 'cgroup.events'), 'latin1').includes('frozen 1');
}

describe('a pause', () => {
  // Mutation: the cgroup not frozen.
  test('inv-71: stops every program, and a resume lets them go on where they were', async () => {
    await using sandbox = await used.runtime.create();
    const script = 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done';
    const execution = await sandbox.exec(['sh', '-c', script]);
    const lines: string[] = [];
    execution.stdout.on('data', (chunk: Buffer) => lines.push(...chunk.toString().trim().split('\n')));
    await vi.waitUntil(() => lines.length > 3, { timeout: 10_000 });
    await sandbox.pause();
    expect(sandbox.state).toBe('paused');
    expect(isFrozen(sandbox)).toBe(true);
    const before = lines.length;
    expect(sandbox.executions()).toEqual([execution]);
    await sandbox.resume();
    expect(sandbox.state).toBe('running');
    await vi.waitUntil(() => lines.length > before + 3, { timeout: 10_000 });
    expect(lines).toEqual(lines.map((_, index) => String(index + 1)));
    expect(await shell(sandbox, 'echo again')).toBe('again');
  });

  // Mutation: Transitions.requireRunning() looks at the end only. (Each of its three callers alone is covered by the others.)
  test('exec in a paused sandbox is refused at once, and says to resume it', async () => {
    await using sandbox = await used.runtime.create();
    await sandbox.pause();
    await expect(sandbox.exec(['true'])).rejects.toMatchObject({
      code: 'ERR_SANDBOX_STATE',
      message: expect.stringMatching(/it is paused, not running; resume it first/),
    });
    await expect(sandbox.pause()).rejects.toMatchObject({ code: 'ERR_SANDBOX_STATE' });
    await sandbox.resume();
    await expect(sandbox.resume()).rejects.toMatchObject({ code: 'ERR_SANDBOX_STATE' });
  });

  // Mutation: the `paused` left out, or the `resumed`.
  test('is told, and so is its end', async () => {
    const events = used.runtime.events();
    await using sandbox = await used.runtime.create();
    await sandbox.pause();
    await sandbox.resume();
    const types: RuntimeEvent['type'][] = [];
    for await (const event of events) {
      if (event.sandboxId === sandbox.id) types.push(event.type);
      if (event.type === 'resumed') break;
    }
    expect(types).toEqual(['created', 'paused', 'resumed']);
  });

  // Mutation: pause() neither waits for starts under way nor tells init of it. (Each alone keeps them out.)
  test('inv-35: waits for commands that are being started, and refuses those that come after it', async () => {
    await using sandbox = await used.runtime.create();
    for (let round = 0; round < 20; round++) {
      const starts = Array.from({ length: 8 }, () =>
        sandbox.exec(['sleep', 'infinity']).catch((error: unknown) => error),
      );
      const paused = sandbox.pause();
      const outcomes = await Promise.all(starts);
      await paused;
      expect(sandbox.state).toBe('paused');
      for (const outcome of outcomes)
        if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'ERR_SANDBOX_STATE' });
      await sandbox.resume();
      for (const execution of sandbox.executions()) await execution.kill();
      await Promise.all(sandbox.executions().map((execution) => execution.wait()));
    }
    expect(await shell(sandbox, 'echo alive')).toBe('alive');
  });

  // Mutation: `apply('frozen')` before the freeze.
  test('its state changes only when it is done', async () => {
    await using sandbox = await used.runtime.create();
    const init = initOf(used.place.instance, sandbox.id);
    // Init does not answer.
    process.kill(init, 'SIGSTOP');
    const pausing = sandbox.pause();
    expect(sandbox.state).toBe('pausing');
    await expect(sandbox.exec(['true'])).rejects.toMatchObject({ code: 'ERR_SANDBOX_STATE' });
    process.kill(init, 'SIGCONT');
    await pausing;
    expect(sandbox.state).toBe('paused');
    await sandbox.resume();
  });

  // Mutation: the thaw left out of #undoPause; `pause failed` not applied.
  test('inv-71: one that fails leaves the sandbox running and usable, and says so', async () => {
    await using sandbox = await used.runtime.create();
    const cgroup = sandbox instanceof LiveSandbox ? sandbox.lifecycle?.cgroup : null;
    if (cgroup === null || cgroup === undefined) throw new Error('it has no lifecycle');
    const freeze = cgroup.freeze.bind(cgroup);
    const spy = vi.spyOn(cgroup, 'freeze').mockImplementationOnce(async (options) => {
      await freeze(options);
      throw new Error('the freeze is told to have failed');
    });
    await expect(sandbox.pause()).rejects.toMatchObject({
      code: 'ERR_SANDBOX_PAUSE',
      message: expect.stringContaining('it is running as before'),
    });
    spy.mockRestore();
    expect(sandbox.state).toBe('running');
    expect(isFrozen(sandbox)).toBe(false);
    expect(await shell(sandbox, 'echo usable')).toBe('usable');
  });
});

describe('destroying a paused sandbox', () => {
  // Mutation: end() thaws first.
  test('inv-36, inv-69: removes everything and runs no instruction of it', async () => {
    const before = used.belongings();
    const sandbox = await used.runtime.create();
    // Counts in a file as fast as it can, which an open descriptor shows from outside, also after the end.
    const script = `
import mmap
file = open('/tmp/count', 'w+b'); file.truncate(4096); memory = mmap.mmap(file.fileno(), 4096); count = 0
print('counts', flush=True)
while True: count += 1; memory[0:8] = count.to_bytes(8, 'little')`;
    const execution = await sandbox.exec(['python3', '-c', script]);
    await once(execution.stdout, 'data');
    const file = openSync(`/proc/${initOf(used.place.instance, sandbox.id)}/root/tmp/count`, 'r');
    const count = Buffer.alloc(8);
    const look = (): bigint => (readSync(file, count, 0, 8, 0) === 8 ? count.readBigUInt64LE() : -1n);
    await vi.waitUntil(() => look() > 1000n, { timeout: 10_000 });
    await sandbox.pause();
    const atPause = look();
    await sandbox.destroy();
    const atEnd = look();
    closeSync(file);
    expect(atEnd).toBe(atPause);
    expect(await execution.wait()).toMatchObject({ exitCode: null });
    expect(sandbox.state).toBe('destroyed');
    await used.expectAgain(before);
  });

  // Mutation: end() does not abort what a pause waits for: it waits for init, which is stopped, until its deadline.
  test('inv-35, inv-68: a destroy while a pause hangs waits for nothing, twice', async () => {
    const before = used.belongings();
    const sandbox = await used.runtime.create();
    process.kill(initOf(used.place.instance, sandbox.id), 'SIGSTOP');
    const pausing = sandbox.pause().catch((error: unknown) => error);
    await Promise.all([sandbox.destroy(), sandbox.destroy()]);
    expect(await pausing).toMatchObject({ code: 'ERR_SANDBOX_STATE' });
    expect(sandbox.state).toBe('destroyed');
    await used.expectAgain(before);
  });

  // Mutation: resume() and end() without the lock.
  test('inv-35: a resume racing a destroy ends in one of the two, never resumed and dead', async () => {
    for (let round = 0; round < 20; round++) {
      const sandbox = await used.runtime.create();
      await sandbox.pause();
      const resumed = sandbox.resume().then(
        () => 'resumed',
        (error: unknown) => (error as { code: string }).code,
      );
      const destroyed = round % 2 === 0 ? sandbox.destroy() : Promise.resolve().then(() => sandbox.destroy());
      expect(['resumed', 'ERR_SANDBOX_STATE']).toContain(await resumed);
      await destroyed;
      expect(sandbox.state).toBe('destroyed');
    }
  });
});
