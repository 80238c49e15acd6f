import { BlockingPool } from '@hatchery/blocking-io';
import { describe, expect, test, vi } from 'vitest';
import { Runtime } from '../src/index.ts';
import { makeFreezable, threadsHang } from './freezable.ts';
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

describe('a call on files that hangs in the kernel', () => {
  // Mutation: a closed handle kept in LifecycleFiles.chroot(): the next calls never come back.
  test('is ERR_FILE_IO when its time is up, and the next call has another thread', async () => {
    const volume = makeFreezable(place.directory, 'stuck');
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
    const volume = makeFreezable(place.directory, 'hung');
    await using opened = await openRuntime(60_000);
    const { runtime, pool } = opened;
    const sandbox = await runtime.create({ volumes: [{ source: volume.directory, target: '/volume' }] });
    await sandbox.files.write('/volume/file', 'before');
    volume.freeze();
    const hanging = expect(sandbox.files.write('/volume/file', 'hangs')).rejects.toMatchObject({
      code: 'ERR_SANDBOX_STATE',
    });
    await threadsHang(1);
    await sandbox.destroy();
    await hanging;
    expect(pool.stats().handles).toBe(1);
    volume.thaw();
    await vi.waitUntil(() => pool.stats().handles === 0, { timeout: 20_000 });
  }, 60_000);

  // Mutation: requireClosed() left out of a stop.
  test('makes a stop fail, because its root stays mounted, until the call is over', async () => {
    const volume = makeFreezable(place.directory, 'stopped');
    await using opened = await openRuntime(60_000);
    const { runtime } = opened;
    const volumes = [{ source: volume.directory, target: '/volume' }];
    await using sandbox = await runtime.create({ root: 'disk', limits: { rootBytes: 32 * 2 ** 20 }, volumes });
    await sandbox.files.write('/srv/kept', 'kept');
    volume.freeze();
    const hanging = expect(sandbox.files.write('/volume/file', 'hangs')).rejects.toMatchObject({
      code: 'ERR_SANDBOX_STATE',
    });
    await threadsHang(1);
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
