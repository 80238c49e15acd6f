import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BlockingPool } from '@hatchery/blocking-io';
import { afterEach, expect, test, vi } from 'vitest';
import { Runtime, type RuntimeOptions, type Sandbox, type SandboxSubscriber } from '../src/index.ts';
import { initOf, pidsIn, unifiedCgroup } from './host-view.ts';
import { block, logged } from './logged.ts';
import { usePlace } from './use-runtime.ts';

const place = usePlace();
const open = (options: RuntimeOptions = {}): Promise<Runtime> => {
  const { runDirectory, dataDirectory, instance } = place;
  return Runtime.open({ pool: false, runDirectory, dataDirectory, instance, ...options });
};

afterEach(() => {
  vi.restoreAllMocks();
});

/** What is told, and what was so at that moment. */
function recorder(name = 'recorder'): SandboxSubscriber & { heard: string[] } {
  const heard: string[] = [];
  const keep = (event: string) => (sandbox: Sandbox) => void heard.push(`${event} ${sandbox.id} ${sandbox.state}`);
  return { name, heard, onInsert: keep('insert'), onRemove: keep('remove'), onNetworkRelease: keep('release') };
}

/** Holds the second half of every teardown up: roots, mounts and directories. */
function holdReleases(workers: BlockingPool): { go: () => void; held: string[] } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const held: string[] = [];
  const run = workers.run.bind(workers) as (job: string, argument: { directory: string }) => Promise<unknown>;
  vi.spyOn(workers, 'run').mockImplementation((async (job: string, argument: { directory: string }) => {
    if (job === 'releaseSandbox') {
      held.push(argument.directory);
      await promise;
    }
    return await run(job, argument);
  }) as typeof workers.run);
  return { go: resolve, held };
}

// Mutation, in turn: goLive() left out of create(); onRemove told after the teardown; told in the drain (a post to the work
// queue) instead of in the change.
test('inv-32: subscribers are told in the change itself, before the call that makes it resolves, with a manual drain too', async () => {
  await using runtime = await open({ drain: 'manual' });
  const { heard, ...subscriber } = recorder();
  using _subscription = runtime.subscribe(subscriber);
  const found: unknown[] = [];
  runtime.subscribe({ name: 'looks it up', onInsert: ({ id }) => void found.push(runtime.get(id)) });
  const sandbox = await runtime.create({ id: 'told' });
  expect([heard, found]).toEqual([['insert told running'], [sandbox]]);
  const destroyed = sandbox.destroy();
  // The change has begun in the call.
  expect(heard.slice(1)).toEqual(['remove told destroying']);
  await destroyed;
  expect(heard.slice(1)).toEqual(['remove told destroying', 'release told destroying']);
  await expect(runtime.create({ image: '/nowhere' })).rejects.toThrow();
  expect(heard).toHaveLength(3);
});

// Mutation, in turn: releaseNetwork() after the teardown; before `endSandbox` (its processes are there).
test('inv-33: inv-67: a network is released once nobody is left in it, while root, mounts and directory wait for a worker', async () => {
  await using workers = await BlockingPool.open();
  await using runtime = await open({ workers });
  const releases = holdReleases(workers);
  const sandbox = await runtime.create({ id: 'slow' });
  const execution = await sandbox.exec(['sleep', 'infinity']);
  const init = initOf(place.instance, 'slow');
  const released = Promise.withResolvers<object>();
  runtime.subscribe({
    name: 'slots',
    onNetworkRelease: ({ id }) =>
      released.resolve({
        init: existsSync(`/proc/${init}/ns/net`),
        pids: ['init', 'work'].flatMap((part) => pidsIn(unifiedCgroup(place.instance, `${id}/${part}`))),
        directory: existsSync(join(place.runDirectory, 'instances', place.instance, 'sandboxes', id)),
        held: releases.held.length,
      }),
  });
  const destroyed = sandbox.destroy();
  expect(await released.promise).toEqual({ init: false, pids: [], directory: true, held: 0 });
  expect(await execution.wait()).toMatchObject({ reason: 'destroyed' });
  expect(sandbox.state).toBe('destroying');
  releases.go();
  await destroyed;
  expect(releases.held).toHaveLength(1);
});

// Mutation, in turn: goLive() left out of start(); of adoptRunning(); letGo() does not tell; #endLifecycle does not.
test('each lifecycle is told: of a stop and a start, of one that is left, adopted, and loses its init', async () => {
  const first = await open();
  const { heard, ...subscriber } = recorder();
  first.subscribe(subscriber);
  const lifecycles: string[] = [];
  first.subscribe({ name: 'lifecycles', onNetworkRelease: ({ lifecycleId }) => void lifecycles.push(lifecycleId) });
  const disk = await first.create({ id: 'disk', root: 'disk', limits: { rootBytes: 2 ** 24 } });
  lifecycles.push(disk.lifecycleId);
  await disk.stop();
  expect(lifecycles).toEqual([disk.lifecycleId, disk.lifecycleId]);
  await disk.start();
  expect(lifecycles).not.toContain(disk.lifecycleId);
  const pausing = await first.create({ id: 'paused' });
  await pausing.pause();
  const stopped = await first.create({ id: 'stopped', root: 'disk', limits: { rootBytes: 2 ** 24 } });
  await stopped.stop();
  expect(heard.splice(0)).toEqual([
    'insert disk running',
    'remove disk stopping',
    'release disk stopping',
    'insert disk running',
    'insert paused running',
    'insert stopped running',
    'remove stopped stopping',
    'release stopped stopping',
  ]);
  await first.close({ sandboxes: 'keep' });
  expect(heard.splice(0).toSorted()).toEqual(['remove disk running', 'remove paused paused']);

  const next = recorder('next');
  await using second = await open({ subscribers: [next] });
  expect(next.heard.splice(0).toSorted()).toEqual(['insert disk running', 'insert paused paused']);
  process.kill(initOf(place.instance, 'paused'), 'SIGKILL');
  await vi.waitUntil(() => second.get('paused') === undefined, { timeout: 10_000 });
  expect(next.heard).toEqual(['remove paused destroying', 'release paused destroying']);
  await second.get('stopped')?.destroy();
  expect(next.heard).toHaveLength(2);
});

// Mutation, in turn: add() pushes onto the list that is gone through ('inner' hears of 'ended'); one that left meanwhile is
// called all the same; the map is locked while it is told (get() throws).
test('inv-32: a subscriber may call get, list, create, destroy, exec, subscribe, dispose and drain inside its callback', async () => {
  await using runtime = await open({ drain: 'manual' });
  const work: Promise<unknown>[] = [];
  const heard: string[] = [];
  const other = await runtime.create({ id: 'other' });
  const subscriptions: Disposable[] = [];
  subscriptions.push(
    runtime.subscribe({
      name: 'busy',
      onInsert: (sandbox) => {
        heard.push(...runtime.list().map(({ id }) => id), String(runtime.get(sandbox.id) === sandbox));
        runtime.subscribe({ name: 'inner', onInsert: ({ id }) => void heard.push(`inner ${id}`) });
        for (const subscription of subscriptions) subscription[Symbol.dispose]();
        runtime.drain();
        work.push(sandbox.run(['true']), runtime.create({ id: 'more' }), other.destroy());
      },
      onRemove: () => void heard.push('told although it had left'),
    }),
    runtime.subscribe({ name: 'leaves', onInsert: () => void heard.push('told although it had just left') }),
  );
  runtime.subscribe({ name: 'ends it', onInsert: (sandbox) => void work.push(sandbox.destroy()) });
  const ended = await runtime.create({ id: 'ended' });
  await vi.waitUntil(() => runtime.drain() >= 0 && ended.state === 'destroyed', { timeout: 10_000 });
  await Promise.allSettled(work);
  await vi.waitUntil(() => runtime.list().length === 0, { timeout: 10_000 });
  expect(heard).toEqual(['other', 'ended', 'true', 'inner more']);
});

// Mutation, in turn: nothing is warned of; the time before the call is counted with it.
test('inv-32: a subscriber that takes 200 ms is named and delays only its own call', async () => {
  const { logger, lines } = logged();
  await using runtime = await open({ logger, subscriberBudgetMs: 100 });
  const { heard, ...before } = recorder('before');
  runtime.subscribe(before);
  runtime.subscribe({ name: 'slow', onRemove: () => block(200) });
  runtime.subscribe({ ...recorder('after'), onRemove: ({ id }) => void heard.push(`after ${id}`) });
  const sandboxes = await Promise.all(['a', 'b'].map((id) => runtime.create({ id })));
  await Promise.all(sandboxes.map((sandbox) => sandbox.destroy()));
  expect(heard.filter((line) => !line.startsWith('insert')).toSorted()).toEqual(
    ['a', 'b'].flatMap((id) => [`after ${id}`, `release ${id} destroying`, `remove ${id} destroying`]).toSorted(),
  );
  const warned = lines.filter(({ message }) => message.includes('subscriber'));
  expect(warned.map(({ context }) => [context['subscriber'], context['event'], context['sandboxId']])).toEqual([
    ['slow', 'onRemove', 'a'],
    ['slow', 'onRemove', 'b'],
  ]);
  expect(runtime.subscriberStats().map(({ name, overBudget }) => [name, overBudget])).toEqual([
    ['files of sandboxes', 0],
    ['before', 0],
    ['slow', 2],
    ['after', 0],
  ]);
});

// Mutation, in turn: an end that waits for its turn is not counted; cleanedUp() resolves with the first entry that leaves.
test('waitForLifecycles() resolves when everything that ends is cleaned up, and not before', async () => {
  await using workers = await BlockingPool.open();
  await using runtime = await open({ workers });
  await runtime.waitForLifecycles();
  const sandboxes = await Promise.all(['a', 'b', 'c'].map((id) => runtime.create({ id })));
  await runtime.waitForLifecycles();
  const stopped = await runtime.create({ id: 'stopped', root: 'disk', limits: { rootBytes: 2 ** 24 } });
  await stopped.stop();
  const [pausing, other, stays] = sandboxes;
  // Its destroy waits for its turn; that of a stopped sandbox has no lifecycle to end.
  const paused = Promise.allSettled([pausing?.pause()]);
  for (const one of [pausing, stopped]) {
    const destroyed = one?.destroy();
    await runtime.waitForLifecycles();
    expect(one?.state).toBe('destroyed');
    await destroyed;
  }
  const releases = holdReleases(workers);
  const both = [other, await runtime.create({ id: 'd' })];
  const ends = both.map((sandbox) => sandbox?.destroy());
  let done = false;
  const waiting = runtime.waitForLifecycles().then(() => (done = true));
  await expect(runtime.waitForLifecycles({ signal: AbortSignal.timeout(1) })).rejects.toMatchObject({
    code: 'ERR_ABORTED',
  });
  await vi.waitUntil(() => releases.held.length === 2, { timeout: 10_000 });
  expect(done).toBe(false);
  releases.go();
  await waiting;
  expect([...both, stays].map((sandbox) => sandbox?.state)).toEqual(['destroyed', 'destroyed', 'running']);
  await Promise.all([paused, ...ends]);
});
