import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Sandbox } from '../src/index.ts';
import type { Lifecycle } from '../src/sandbox/lifecycle.ts';
import { LiveSandbox } from '../src/sandbox/sandbox.ts';
import { StepList } from '../src/sandbox/step-list.ts';
import { initOf, unifiedCgroup } from './host-view.ts';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();
const onDisk = { root: 'disk', limits: { rootBytes: 16 * 2 ** 20 } } as const;
// Called with its own `this` below.
// oxlint-disable-next-line typescript/unbound-method
const { run } = StepList.prototype;

afterEach(() => vi.restoreAllMocks());

function beforeStep(name: string, act: () => void): void {
  vi.spyOn(StepList.prototype, 'run').mockImplementation(function (this: StepList, step, real, undo) {
    const meet = (): unknown => {
      if (step === name) act();
      return real();
    };
    return run.call(this, step, meet, undo) as never;
  });
}

function lifecycleOf(sandbox: Sandbox): Lifecycle {
  const lifecycle = sandbox instanceof LiveSandbox ? sandbox.lifecycle : null;
  if (lifecycle === null) throw new Error('it has no lifecycle');
  return lifecycle;
}

describe('a start that fails', () => {
  // Mutation: the state not moved on before the record is written.
  test('inv-71: and cannot be written down either, leaves a sandbox that can be destroyed', async () => {
    const sandbox = await used.runtime.create(onDisk);
    await sandbox.stop();
    beforeStep('record init', () => {
      // As on a full disk.
      vi.spyOn(JSON, 'stringify').mockImplementation(() => {
        throw new Error('no space left');
      });
    });
    const error: unknown = await sandbox.start().catch((reason: unknown) => reason);
    vi.restoreAllMocks();
    expect(error).toMatchObject({ message: expect.stringContaining('no space left') });
    expect(sandbox.state).toBe('failed');
    await sandbox.destroy();
    expect(sandbox.state).toBe('destroyed');
  });

  // Mutation: the signal of the end not handed to makeLifecycle, or to the wait for init.
  test('inv-70: a destroy does not wait for an init that does not start', async () => {
    const sandbox = await used.runtime.create(onDisk);
    await sandbox.stop();
    const hangs = Promise.withResolvers<void>();
    beforeStep('park and start', () => {
      process.kill(initOf(used.place.instance, sandbox.id), 'SIGSTOP');
      hangs.resolve();
    });
    const starting = sandbox.start().catch((reason: unknown) => reason);
    await hangs.promise;
    await sandbox.destroy();
    expect(await starting).toMatchObject({ code: 'ERR_SANDBOX_STATE' });
    expect(sandbox.state).toBe('destroyed');
  });

  // Mutation: the step that records the root on disk left out of the list of steps.
  test('inv-41: a create whose root on disk cannot be recorded leaves nothing', async () => {
    const before = used.counts();
    beforeStep('record the root on disk', () => {
      throw new Error('no space left');
    });
    await expect(used.runtime.create({ id: 'unsaved', ...onDisk })).rejects.toMatchObject({
      step: 'record the root on disk',
    });
    vi.restoreAllMocks();
    await used.runtime.get('unsaved')?.destroy();
    await vi.waitFor(() => expect(used.counts()).toEqual(before), { timeout: 10_000 });
  });
});

describe('a pause or a resume that fails', () => {
  // Mutation: setTimeout() while it is pausing is only noted.
  test('inv-71: after a pause that fails the timeout is what was set meanwhile', async () => {
    await using sandbox = await used.runtime.create({ timeoutMs: 3_600_000 });
    vi.spyOn(lifecycleOf(sandbox).cgroup, 'freeze').mockImplementationOnce(async () => {
      expect(sandbox.state).toBe('pausing');
      sandbox.setTimeout(null);
      throw new Error('it cannot be frozen');
    });
    await expect(sandbox.pause()).rejects.toMatchObject({ code: 'ERR_SANDBOX_PAUSE' });
    expect(sandbox.state).toBe('running');
    expect(sandbox.expiresAt).toBeNull();
  });

  // Mutation: what the resume has thawed is left so.
  test('inv-71: a resume that fails half-way leaves it paused, and resumable', async () => {
    await using sandbox = await used.runtime.create();
    await sandbox.pause();
    vi.spyOn(lifecycleOf(sandbox).connection, 'resumeWork').mockRejectedValueOnce(new Error('init does not answer'));
    await expect(sandbox.resume()).rejects.toMatchObject({ code: 'ERR_SANDBOX_PAUSE' });
    expect(sandbox.state).toBe('paused');
    const work = unifiedCgroup(used.place.instance, `${sandbox.id}/work`);
    expect(readFileSync(join(work, 'cgroup.events'), 'latin1')).toContain('frozen 1');
    await sandbox.resume();
    expect(await shell(sandbox, 'echo on')).toBe('on');
  });
});

// Mutation: lose() does not ask whose init it was.
test('inv-40: a stop and a start that came before the loss of an init was dealt with are not undone by it', async () => {
  await using sandbox = await used.runtime.create(onDisk);
  // Holds the lock until the loss is noticed, with the stop and the start behind it.
  vi.spyOn(lifecycleOf(sandbox).cgroup, 'freeze').mockImplementationOnce(
    (options) =>
      new Promise((_resolve, reject) => {
        options?.signal?.addEventListener('abort', () => reject(new Error('given up')));
        process.kill(initOf(used.place.instance, sandbox.id), 'SIGKILL');
      }),
  );
  const pausing = sandbox.pause().catch((reason: unknown) => reason);
  const changes = [sandbox.stop(), sandbox.start()];
  expect(await pausing).toMatchObject({ message: expect.stringContaining('given up') });
  await Promise.all(changes);
  // Behind whatever else waited for the lock.
  await sandbox.pause();
  await sandbox.resume();
  expect(await shell(sandbox, 'echo on')).toBe('on');
});
