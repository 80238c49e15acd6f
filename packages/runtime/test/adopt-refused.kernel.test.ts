import { execFileSync } from 'node:child_process';
import { readdirSync, readlinkSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { registeredFds } from '@hatchery/linux';
import { expect, test, vi } from 'vitest';
import { Runtime, type Sandbox } from '../src/index.ts';
import { readRecord } from '../src/instance/record.ts';
import { takeOver } from './break-connection.ts';
import { initOf, pidsIn, unifiedCgroup } from './host-view.ts';
import { ended, linesOf, nextLine, startProgram } from './run-program.ts';
import { shell } from './shell.ts';
import { usePlace } from './use-runtime.ts';

const place = usePlace();
const open = (): Promise<Runtime> => {
  const { runDirectory, dataDirectory, instance } = place;
  return Runtime.open({ pool: false, runDirectory, dataDirectory, instance });
};
const instanceDirectory = (): string => join(place.runDirectory, 'instances', place.instance);

async function leave(id: string): Promise<Sandbox> {
  const first = await open();
  const sandbox = await first.create({ id });
  await sandbox.exec(['sleep', 'infinity']);
  await first.close({ sandboxes: 'keep' });
  return sandbox;
}

/** Opened and closed again; how many descriptors this thread has meanwhile that are not there afterwards does not matter. */
async function openInVain(): Promise<void> {
  const before = registeredFds();
  const runtime = await open();
  expect(runtime.list()).toEqual([]);
  await runtime.close({ sandboxes: 'keep' });
  expect(registeredFds()).toEqual(before);
}

async function adoptAndDestroy(id: string): Promise<void> {
  await using runtime = await open();
  const sandbox = runtime.get(id);
  expect(sandbox?.executions()).toHaveLength(1);
  await sandbox?.destroy();
}

// Mutation: isDeaf() says yes to whatever it is.
test('inv-37, inv-73: one whose init answers to a newer runner is not ended by an adoption, and nothing stays open', async () => {
  const sandbox = await leave('newer');
  const init = initOf(place.instance, 'newer');
  const stranger = await takeOver(place, sandbox, 5);
  stranger.close();
  await openInVain();
  expect(initOf(place.instance, 'newer')).toBe(init);
  writeFileSync(join(instanceDirectory(), 'epoch'), '20\n');
  await adoptAndDestroy('newer');
});

// Mutation: closeAll() left out.
test('inv-44: one whose lease is gone is kept, and nothing of it stays open', async () => {
  await leave('leaseless');
  const range = readRecord(instanceDirectory(), 'leaseless')?.range ?? '';
  const target = readlinkSync(range);
  unlinkSync(range);
  await openInVain();
  symlinkSync(target, range);
  await adoptAndDestroy('leaseless');
});

// Mutation: the deadline of what has exited enforced.
test('inv-21: what exited in time, while there was no runner, is not told to have timed out', async () => {
  const first = await open();
  await first.create({ id: 'slow' });
  const sandbox = await first.create({ id: 'timely' });
  const timeoutMs = 1000;
  const script = 'while [ ! -e /tmp/go ]; do sleep 0.02; done; exit 4';
  await sandbox.exec(['sh', '-c', script], { timeoutMs });
  const root = `/proc/${initOf(place.instance, 'timely')}/root`;
  await first.close({ sandboxes: 'keep' });
  writeFileSync(join(root, 'tmp/go'), '');
  await vi.waitUntil(() => pidsIn(unifiedCgroup(place.instance, 'timely/work')).length === 0, { timeout: 10_000 });
  await delay(timeoutMs); // its deadline
  // Exits are told when all are adopted, which takes as long as this one.
  const slow = initOf(place.instance, 'slow');
  process.kill(slow, 'SIGSTOP');
  const opening = open();
  await delay(500);
  process.kill(slow, 'SIGCONT');
  await using second = await opening;
  const [execution] = second.get('timely')?.executions() ?? [];
  expect(await execution?.wait()).toMatchObject({ exitCode: 4, reason: 'exited' });
  await second.get('timely')?.destroy();
});

// Mutation: pause() leaves the deadline in the record.
test('inv-73: a deadline from before a pause ends nothing whose runner dies right after the resume', async () => {
  const first = await open();
  const paused = await first.create({ id: 'resumed', timeoutMs: 3_600_000 });
  expect(readRecord(instanceDirectory(), 'resumed')?.deadline).not.toBeNull();
  await paused.pause();
  expect(readRecord(instanceDirectory(), 'resumed')?.deadline).toBeNull();
  await first.close({ sandboxes: 'keep' });
  // What a resume does first.
  writeFileSync(join(unifiedCgroup(place.instance, 'resumed/work'), 'cgroup.freeze'), '0');
  await using second = await open();
  const sandbox = second.get('resumed');
  if (sandbox === undefined) throw new Error('it is gone');
  expect(sandbox.state).toBe('running');
  expect(Number(sandbox.expiresAt)).toBeGreaterThan(Date.now() + 3_000_000);
  expect(await shell(sandbox, 'echo here')).toBe('here');
  await sandbox.destroy();
});

// Mutation: releaseUnused() looks at directories with a record alone.
test('inv-67: ids of what runs without a record stay leased until it is gone', async () => {
  await leave('unrecorded');
  const range = readRecord(instanceDirectory(), 'unrecorded')?.range ?? '';
  rmSync(join(instanceDirectory(), 'sandboxes', 'unrecorded'), { recursive: true });
  const { runDirectory, dataDirectory, instance } = place;
  await using second = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance, quarantineMs: 0 });
  expect(pidsIn(unifiedCgroup(instance, 'unrecorded/work'))).toHaveLength(1);
  expect(readlinkSync(range)).toContain('unrecorded');
  await second.gc();
  expect(await second.gc()).toEqual({ removed: [range, 'unrecorded'], quarantined: [] });
});

// Mutation: sweepAll() ends at the first failure.
test('inv-72: one sandbox of a dead owner that cannot be removed is no reason to leave the others', async () => {
  const { runDirectory, dataDirectory } = place;
  const child = startProgram(new URL('./programs/own-sandboxes.ts', import.meta.url), [
    runDirectory,
    dataDirectory,
    '3',
  ]);
  const end = ended(child);
  expect(await nextLine(linesOf(child))).toBe('ready');
  child.kill('SIGKILL');
  await end;
  const instances = join(runDirectory, 'instances');
  const name = readdirSync(instances).find((found) => found.startsWith(`private-${child.pid}-`)) ?? '';
  const sandboxes = join(instances, name, 'sandboxes');
  const first = join(sandboxes, readdirSync(sandboxes)[0] ?? '');
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', first]);
  await (await open()).close();
  execFileSync('umount', [first]);
  expect(readdirSync(sandboxes).map((id) => join(sandboxes, id))).toEqual([first]);
  await (await open()).close();
  expect(readdirSync(instances)).not.toContain(name);
});
