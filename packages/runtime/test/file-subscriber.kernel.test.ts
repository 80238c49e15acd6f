import { BlockingPool, type Chroot } from '@hatchery/blocking-io';
import { expect, test, vi } from 'vitest';
import type { RuntimeContext } from '../src/context.ts';
import { openLifecycleChroot } from '../src/files/open-lifecycle-chroot.ts';
import { Runtime, type Sandbox } from '../src/index.ts';
import { openContexts } from '../src/open/open-contexts.ts';
import type { LiveSandbox } from '../src/sandbox/sandbox.ts';
import { usePlace } from './use-runtime.ts';

const place = usePlace();

async function open(workers: BlockingPool): Promise<{ runtime: Runtime; context: RuntimeContext }> {
  const before = new Set(openContexts);
  const { runDirectory, dataDirectory } = place;
  const runtime = await Runtime.open({ runDirectory, dataDirectory, workers });
  const context = [...openContexts].find((one) => !before.has(one));
  if (context === undefined) throw new Error('the runtime has no context');
  return { runtime, context };
}

interface Held {
  readonly chroot: Chroot;
  /** How often its closing was asked for. */
  readonly closings: () => number;
  readonly go: () => void;
}

/** A real handle on the sandbox's root, registered as `sandbox.files` does it, whose closing hangs until it is let go. */
async function holdHandle(context: RuntimeContext, sandbox: Sandbox): Promise<Held> {
  const { lifecycle, lifecycleId } = sandbox as LiveSandbox;
  if (lifecycle === null) throw new Error('it does not run');
  const files = context.fileHandles.of(lifecycleId, () => openLifecycleChroot(context, lifecycle));
  const chroot = await files.chroot();
  const gate = Promise.withResolvers<void>();
  const close = chroot.close.bind(chroot);
  const spy = vi.spyOn(chroot, 'close').mockImplementation(async () => {
    await gate.promise;
    await close();
  });
  return { chroot, closings: () => spy.mock.calls.length, go: gate.resolve };
}

const ended = (promise: Promise<unknown>): Promise<boolean> =>
  Promise.race([promise.then(() => true), new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))]);

// Mutation, in turn: #tearDown awaits the closing (destroy never resolves); the closing is no clean-up of the entry
// (waitForLifecycles resolves at once); the subscriber is not subscribed (the handle is never closed).
test('inv-33: a network is released and a destroy resolves while the handle of its files hangs in closing', async () => {
  await using workers = await BlockingPool.open();
  const { runtime, context } = await open(workers);
  const sandbox = await runtime.create();
  await sandbox.files.write('/tmp/kept', 'kept');
  const { chroot, closings, go } = await holdHandle(context, sandbox);
  const heard: string[] = [];
  runtime.subscribe({
    name: 'slots',
    onRemove: () => void heard.push('remove'),
    onNetworkRelease: () => void heard.push(`release, closed: ${chroot.closed}`),
  });
  await sandbox.destroy();
  expect(closings()).toBe(1);
  expect(heard).toEqual(['remove', 'release, closed: false']);
  expect([sandbox.state, chroot.closed]).toEqual(['destroyed', false]);
  const cleanedUp = runtime.waitForLifecycles();
  expect(await ended(cleanedUp)).toBe(false);
  go();
  await cleanedUp;
  expect([chroot.closed, workers.stats().handles]).toEqual([true, 0]);
  await runtime.close();
});

// Mutation, in turn: collect() is given the sandbox's id, and handles are kept by it: the new one's files are refused, or
// closed with the old one's; the key of an entry is the id alone.
test('inv-40: an id that is taken again has files of its own while those of its last lifecycle are still being closed', async () => {
  await using workers = await BlockingPool.open();
  const { runtime, context } = await open(workers);
  const old = await runtime.create({ id: 'same' });
  await old.files.write('/tmp/whose', 'the old one');
  const first = await holdHandle(context, old);
  await old.destroy();
  const young = await runtime.create({ id: 'same' });
  expect(young.lifecycleId).not.toBe(old.lifecycleId);
  const second = await holdHandle(context, young);
  await young.files.write('/tmp/whose', 'the new one');
  // The old one ends in the middle of the new one's life.
  const cleanedUp = runtime.waitForLifecycles();
  expect(await ended(cleanedUp)).toBe(false);
  first.go();
  await cleanedUp;
  expect(first.chroot.closed).toBe(true);
  expect(runtime.get('same')).toBe(young);
  expect((await young.files.read('/tmp/whose')).toString()).toBe('the new one');
  expect([young.state, second.chroot.closed]).toEqual(['running', false]);
  await young.destroy();
  expect(await ended(runtime.waitForLifecycles())).toBe(false);
  second.go();
  await runtime.waitForLifecycles();
  expect(workers.stats().handles).toBe(0);
  await runtime.close();
});

// Mutation, in turn: letGo() tells no removal; the closing is not in the background.
test('inv-7: a close waits a while for handles that are being closed, of what it keeps and of what it ends', async () => {
  await using workers = await BlockingPool.open();
  const { runtime, context } = await open(workers);
  const { chroot, closings, go } = await holdHandle(context, await runtime.create());
  const closed = runtime.close();
  await vi.waitUntil(() => closings() === 1, { timeout: 10_000 });
  await vi.waitUntil(() => runtime.list().length === 0, { timeout: 10_000 });
  expect(await ended(closed)).toBe(false);
  go();
  await closed;
  expect([chroot.closed, workers.stats().handles]).toEqual([true, 0]);

  const { runDirectory, dataDirectory, instance } = place;
  const kept = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance, workers });
  const sandbox = await kept.create();
  await sandbox.files.write('/tmp/kept', 'kept');
  expect(workers.stats().handles).toBe(1);
  await kept.close({ sandboxes: 'keep' });
  expect(workers.stats().handles).toBe(0);
  await using next = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance, workers });
  expect(String(await next.get(sandbox.id)?.files.read('/tmp/kept'))).toBe('kept');
});
