import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { BlockingPool } from '@hatchery/blocking-io';
import { closeFd, openPidfd } from '@hatchery/linux';
import { expect, test, vi } from 'vitest';
import { Runtime } from '../src/index.ts';
import { reconnect } from '../src/sandbox/reconnect.ts';
import { takeOver } from './break-connection.ts';
import { initOf } from './host-view.ts';
import { pendingTimers } from './pending-timers.ts';
import { shell } from './shell.ts';
import { usePlace } from './use-runtime.ts';

const place = usePlace();
const open = (options: { signal?: AbortSignal; workers?: BlockingPool } = {}): Promise<Runtime> => {
  const { runDirectory, dataDirectory, instance } = place;
  return Runtime.open({ pool: false, runDirectory, dataDirectory, instance, ...options });
};

/** The instance, once whoever has it open has closed it. */
async function openWhenFree(): Promise<Runtime> {
  return await vi.waitFor(() => open(), { timeout: 10_000, interval: 20 });
}

// Mutation: #giveUp() destroys.
test('inv-41, inv-73: an open that is abandoned ends none of the sandboxes that it has adopted', async () => {
  const first = await open();
  await first.create({ id: 'left' });
  const init = initOf(place.instance, 'left');
  await first.close({ sandboxes: 'keep' });
  const caller = new AbortController();
  const opening = open({ signal: caller.signal });
  caller.abort();
  await expect(opening).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  await using second = await openWhenFree();
  const sandbox = second.get('left');
  if (sandbox === undefined) throw new Error('it is gone');
  expect(await shell(sandbox, 'echo here')).toBe('here');
  expect(initOf(place.instance, 'left')).toBe(init);
});

// Mutation: isTakenOver() says no: the runtime goes on trying, and kills init after 30 s.
test('inv-37, inv-73: a sandbox whose init answers to a newer runner is let go of, and not ended', async () => {
  await using runtime = await open();
  const sandbox = await runtime.create({ id: 'taken' });
  const execution = await sandbox.exec(['sleep', 'infinity']);
  const attached = (async () => {
    for await (const _event of execution.attach());
  })().catch((error: unknown) => error);
  const newer = await takeOver(place, sandbox, 1);
  const refusal = { code: 'ERR_INSTANCE_LOCKED', message: expect.stringContaining('close this runtime and open it') };
  await expect(execution.wait()).rejects.toMatchObject(refusal);
  expect(await attached).toMatchObject(refusal);
  await vi.waitUntil(() => runtime.get('taken') === undefined, { timeout: 10_000 });
  for (const call of [() => sandbox.destroy(), () => sandbox.pause(), () => sandbox.exec(['true'])])
    await expect(call()).rejects.toMatchObject(refusal);
  await sandbox[Symbol.asyncDispose]();
  await newer.ping();
  newer.close();
  await runtime.close();
  await using next = await open();
  const found = next.get('taken');
  expect(found?.executions().map(({ id }) => id)).toEqual([execution.id]);
  await found?.destroy();
});

// Mutation: the signal not looked at in the loop, or the timer left.
test('whoever lets go of a sandbox tries to connect to its init no more, and does not kill it', async () => {
  const child = spawn('sleep', ['infinity']);
  await once(child, 'spawn');
  const pidfd = openPidfd(Number(child.pid));
  mkdirSync(join(place.directory, 'sandboxes', 'nobody'), { recursive: true });
  const timers = pendingTimers();
  const address = { sandboxId: 'nobody', token: Buffer.alloc(32), epoch: 1, wireVersion: 2, pidfd };
  const options = { sandboxId: 'nobody', onExit: () => {}, onClosed: () => {} };
  const leaving = new AbortController();
  const connecting = reconnect({ instanceDirectory: place.directory, ...address }, options, leaving.signal);
  expect(timers()).toHaveLength(1);
  const reason = new Error('let go');
  leaving.abort(reason);
  closeFd(pidfd);
  expect(timers()).toEqual([]);
  await expect(connecting).rejects.toBe(reason);
  expect(child.exitCode).toBeNull();
  child.kill('SIGKILL');
  await once(child, 'exit');
});

// Mutation: Transitions.letGo() always lets go of the whole lifecycle.
test('a close that keeps the sandboxes closes nothing twice of one whose destroy has failed half-way', async () => {
  await using workers = await BlockingPool.open();
  const first = await open({ workers });
  const sandbox = await first.create({ id: 'half' });
  const run = workers.run.bind(workers);
  vi.spyOn(workers, 'run').mockImplementation((job, argument) => {
    if (job !== 'releaseSandbox') return run(job, argument);
    closeFd((argument as { rootFd: number }).rootFd);
    return Promise.reject(new Error('its worker has died'));
  });
  await expect(sandbox.destroy()).rejects.toMatchObject({ code: 'ERR_RESOURCES' });
  await first.close({ sandboxes: 'keep' });
  vi.restoreAllMocks();
  await using second = await open();
  expect(second.list()).toEqual([]);
});
