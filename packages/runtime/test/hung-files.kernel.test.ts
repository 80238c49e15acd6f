import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BlockingPool } from '@hatchery/blocking-io';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Runtime } from '../src/index.ts';
import { usePlace } from './use-runtime.ts';

const place = usePlace();

interface Opened extends AsyncDisposable {
  readonly runtime: Runtime;
  readonly pool: BlockingPool;
}

/** A runtime whose workers are told from outside how long a call may hang. */
async function openRuntime(stuckAfterMs: number): Promise<Opened> {
  const pool = await BlockingPool.open({ threads: 1, holderThreads: 2, stuckAfterMs });
  const { runDirectory, dataDirectory, instance } = place;
  const runtime = await Runtime.open({ runDirectory, dataDirectory, instance, workers: pool });
  const dispose = async (): Promise<void> => {
    await runtime.close();
    await pool.close();
  };
  return { runtime, pool, [Symbol.asyncDispose]: dispose };
}

/** A filesystem for a volume; who writes there while it is frozen hangs in the kernel, deaf to every signal. */
function makeFreezable(name: string): { directory: string; freeze(): void; thaw(): void } {
  const directory = join(place.directory, name);
  const image = `${directory}.img`;
  mkdirSync(directory);
  execFileSync('mkfs.ext4', ['-q', image, '16M']);
  execFileSync('mount', ['-o', 'loop', image, directory]);
  execFileSync('chmod', ['777', directory]);
  let isFrozen = false;
  const change = (flag: '--freeze' | '--unfreeze'): void => {
    execFileSync('fsfreeze', [flag, directory]);
    isFrozen = flag === '--freeze';
  };
  const thaw = (): void => {
    if (isFrozen) change('--unfreeze');
  };
  onTestFinished(() => {
    thaw();
    execFileSync('umount', [directory]);
  });
  return { directory, freeze: () => change('--freeze'), thaw };
}

/** Resolves once a thread of this process has been waiting in the kernel, deaf to signals, for a while. */
async function aThreadHangs(): Promise<void> {
  let seen: string[] = [];
  let times = 0;
  const isHanging = (): boolean => {
    const now = readdirSync('/proc/self/task').filter((thread) => / D /.test(statOf(thread)));
    const still = seen.filter((thread) => now.includes(thread));
    times = still.length > 0 ? times + 1 : 0;
    seen = still.length > 0 ? still : now;
    return times >= 3;
  };
  await vi.waitUntil(isHanging, { timeout: 10_000 });
}

/** Of a thread that may be gone by now. */
function statOf(thread: string): string {
  try {
    return readFileSync(`/proc/self/task/${thread}/stat`, 'latin1');
  } catch {
    return '';
  }
}

describe('a call on files that hangs in the kernel', () => {
  // Mutation: a closed handle kept in LifecycleFiles.chroot(): the next calls never come back.
  test('is ERR_FILE_IO when its time is up, and the next call has another thread', async () => {
    const volume = makeFreezable('stuck');
    await using opened = await openRuntime(8000);
    const { runtime, pool } = opened;
    await using sandbox = await runtime.create({ volumes: [{ source: volume.directory, target: '/volume' }] });
    await sandbox.files.write('/volume/file', 'before');
    volume.freeze();
    await expect(sandbox.files.write('/volume/file', 'hangs')).rejects.toMatchObject({
      code: 'ERR_FILE_IO',
      message: expect.stringContaining('its storage hangs'),
    });
    expect(pool.stats()).toMatchObject({ replaced: 1, abandoned: 1 });
    await sandbox.files.write('/tmp/elsewhere', 'fine');
    expect((await sandbox.files.read('/tmp/elsewhere')).toString()).toBe('fine');
    volume.thaw();
    // What hung is done all the same.
    await vi.waitUntil(() => pool.stats().abandoned === 0, { timeout: 20_000 });
  }, 60_000);

  // Mutation: the destroy waits until the handle is closed.
  test('inv-33: holds up no destroy, which ends the call', async () => {
    const volume = makeFreezable('hung');
    await using opened = await openRuntime(60_000);
    const { runtime, pool } = opened;
    const sandbox = await runtime.create({ volumes: [{ source: volume.directory, target: '/volume' }] });
    await sandbox.files.write('/volume/file', 'before');
    volume.freeze();
    const hanging = expect(sandbox.files.write('/volume/file', 'hangs')).rejects.toMatchObject({
      code: 'ERR_SANDBOX_STATE',
    });
    await aThreadHangs();
    await sandbox.destroy();
    await hanging;
    expect(pool.stats().handles).toBe(1);
    volume.thaw();
    await vi.waitUntil(() => pool.stats().handles === 0, { timeout: 20_000 });
  }, 60_000);

  // Mutation: requireClosed() left out of a stop.
  test('makes a stop fail, because its root stays mounted, until the call is over', async () => {
    const volume = makeFreezable('stopped');
    await using opened = await openRuntime(60_000);
    const { runtime } = opened;
    const volumes = [{ source: volume.directory, target: '/volume' }];
    await using sandbox = await runtime.create({ root: 'disk', limits: { rootBytes: 32 * 2 ** 20 }, volumes });
    await sandbox.files.write('/srv/kept', 'kept');
    volume.freeze();
    const hanging = expect(sandbox.files.write('/volume/file', 'hangs')).rejects.toMatchObject({
      code: 'ERR_SANDBOX_STATE',
    });
    await aThreadHangs();
    await expect(sandbox.stop()).rejects.toMatchObject({
      code: 'ERR_RESOURCES',
      message: expect.stringContaining('a call on its files hangs'),
    });
    await hanging;
    volume.thaw();
    await sandbox.stop();
    await sandbox.start();
    expect((await sandbox.files.read('/srv/kept')).toString()).toBe('kept');
  }, 60_000);
});
