import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type OutputEvent, Runtime, type RuntimeEvent } from '../src/index.ts';
import { StepList } from '../src/sandbox/step-list.ts';
import { descriptorsOf, unifiedCgroup } from './host-view.ts';
import { pendingTimers } from './pending-timers.ts';
import { usePlace } from './use-runtime.ts';

const place = usePlace();
const open = (): Promise<Runtime> => {
  const { runDirectory, dataDirectory } = place;
  return Runtime.open({ runDirectory, dataDirectory });
};

// Mutation: exec() tells an event before it looks at its options.
test('inv-4: an invalid call fails with no event and nothing begun; a valid one has one completion', async () => {
  const runtime = await open();
  const events: RuntimeEvent[] = [];
  const reading = (async () => {
    for await (const event of runtime.events()) events.push(event);
  })();
  // @ts-expect-error no such option
  await expect(runtime.create({ imagination: 'host' })).rejects.toMatchObject({ code: 'ERR_SPEC_INVALID' });
  await expect(runtime.create({ id: 'NOT AN ID' })).rejects.toMatchObject({ code: 'ERR_SPEC_INVALID' });
  expect([runtime.list(), events]).toEqual([[], []]);
  const sandbox = await runtime.create();
  await expect(sandbox.exec([''])).rejects.toMatchObject({ code: 'ERR_SPEC_INVALID' });
  await expect(sandbox.exec(['true'], { timeoutMs: -1 })).rejects.toMatchObject({ code: 'ERR_SPEC_INVALID' });
  // @ts-expect-error no such signal
  await expect(sandbox.run(['true'], { stdin: 'perhaps' })).rejects.toMatchObject({ code: 'ERR_SPEC_INVALID' });
  expect(sandbox.executions()).toEqual([]);
  const execution = await sandbox.exec(['sh', '-c', 'exit 3']);
  const told: OutputEvent[] = [];
  for await (const event of execution.attach()) told.push(event);
  const status = await execution.wait();
  expect(told).toEqual([{ type: 'exit', status }]);
  await Promise.all([sandbox.destroy(), sandbox.destroy()]);
  await runtime.close();
  await reading;
  expect(events.map(({ type, sandboxId }) => [type, sandboxId])).toEqual([
    ['created', sandbox.id],
    ['destroyed', sandbox.id],
  ]);
});

// Mutation: the linger timer or the deadline's is not let go; close() leaves the zygote or its workers; a pidfd is not
// closed.
test('inv-7: after a close no timer, handle, listener, process or descriptor of the runtime is left', async () => {
  // What Node makes once and keeps.
  await (await open()).close();
  const descriptors = descriptorsOf('self');
  // Timers are counted by their own means; the test runner has some.
  const resourcesNow = (): string[] =>
    process
      .getActiveResourcesInfo()
      .filter((kind) => kind !== 'Timeout')
      .toSorted();
  const resources = resourcesNow();
  const timers = pendingTimers();
  const runtime = await open();
  const events = runtime.events().next();
  const sandbox = await runtime.create();
  const { signal } = new AbortController();
  const running = await sandbox.exec(['sleep', 'infinity'], { timeoutMs: 3_600_000, signal, stdin: 'pipe' });
  const lingering = await sandbox.exec(['sh', '-c', 'sleep infinity & exit 0'], { lingerMs: 3_600_000 });
  const onTerminal = await sandbox.exec(['sleep', 'infinity'], { tty: { columns: 80, rows: 24 }, stdin: 'pipe' });
  await lingering.wait();
  await sandbox.exec(['cat'], { stdin: 'pipe' });
  // More than is read ahead of a reader that never comes, and than any pipe holds: nobody waits for its end of file.
  const unread = await sandbox.exec(['head', '-c', '8000000', '/dev/zero']);
  const isAsleep = async (): Promise<boolean> =>
    /^State:\s+S/m.test(String((await sandbox.run(['cat', `/proc/${unread.pid}/status`])).stdout));
  await vi.waitUntil(isAsleep, { timeout: 10_000 });
  const attached = running.attach({ backPressure: true }).next();
  await runtime.close();
  expect(await attached).toMatchObject({ value: { type: 'exit', status: { reason: 'forced-close' } } });
  expect(await onTerminal.wait()).toMatchObject({ reason: 'forced-close' });
  expect(await events).toMatchObject({ value: { type: 'created' } });
  expect(timers()).toEqual([]);
  // Closed handles are let go in the loop's next turns.
  await vi.waitFor(() => expect(resourcesNow()).toEqual(resources), { timeout: 10_000 });
  expect(descriptorsOf('self')).toEqual(descriptors);
  await place.expectNoLeaks();
});

// Mutation: untilClosed() takes no notice of the close: the create ends when its init is let go, and not before.
test('inv-6, inv-42: a create that hangs is let go at once when the runtime closes, and undone when it can be', async () => {
  const { runDirectory, dataDirectory, instance } = place;
  const runtime = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance });
  const hanging = Promise.withResolvers<() => void>();
  // Called with its own `this` below.
  // oxlint-disable-next-line typescript/unbound-method
  const { run } = StepList.prototype;
  const spy = vi.spyOn(StepList.prototype, 'run').mockImplementation(function (this: StepList, step, act, undo) {
    // Init has been cloned and is at its checklist, or waits to be started: storage that hangs would stop it so.
    if (step.startsWith('park')) hanging.resolve(freezeInit('hangs'));
    return run.call(this, step, act, undo) as never;
  });
  onTestFinished(() => spy.mockRestore());
  const refused = expect(runtime.create({ id: 'hangs' })).rejects.toMatchObject({ code: 'ERR_RUNTIME_CLOSED' });
  const thaw = await hanging.promise;
  onTestFinished(thaw);
  const closed = runtime.close();
  await refused;
  thaw();
  await closed;
  expect(runtime.list()).toEqual([]);
  await place.expectNoLeaks();
});

function freezeInit(sandboxId: string): () => void {
  const freezer = join(unifiedCgroup(place.instance, sandboxId), 'cgroup.freeze');
  writeFileSync(freezer, '1');
  return () => {
    if (existsSync(freezer)) writeFileSync(freezer, '0');
  };
}
