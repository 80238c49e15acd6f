import { PoolError } from '@hatchery/blocking-io';
import { closeFd, duplicateFd } from '@hatchery/linux';
import { ChannelClosedError, type InitConnection } from '@hatchery/zygote-ipc';
import type { RuntimeContext } from '../context.ts';
import { HatcheryError } from '../errors.ts';
import type { CompiledVolume } from '../spec/volumes.ts';
import type { StepList } from './step-list.ts';

/** Storage of the image may keep init from parking; the same as for *make*. */
const parkDeadlineMs = 30_000;

/** What `start` takes. */
export interface OpenVolumes {
  readonly volumeTargets: string[];
  /** Mounts that are attached nowhere, in the order of the targets. */
  readonly volumes: number[];
}

/**
 * Follows the symlinks of the sources, once: what a new sandbox is recorded with is what every later start opens. Of one that
 * is started again a source must lead to itself still.
 */
export async function resolveVolumes(
  { workers }: RuntimeContext,
  steps: StepList,
  volumes: readonly CompiledVolume[],
  isNew: boolean,
): Promise<readonly CompiledVolume[]> {
  if (volumes.length === 0) return volumes;
  return await steps.run('resolve the volumes', async () => {
    const sources = await workers.run('resolveVolumes', { sources: volumes.map(({ source }) => source) });
    const resolved = volumes.map((volume, index) => ({ ...volume, source: sources[index] ?? volume.source }));
    const moved = isNew ? -1 : volumes.findIndex(({ source }, index) => source !== sources[index]);
    if (moved >= 0) throw changedError(volumes[moved]?.source ?? '', sources[moved] ?? '');
    return resolved;
  });
}

function changedError(source: string, now: string): HatcheryError {
  const seen = `it leads to ${JSON.stringify(now)} now, which is another than the sandbox was made with`;
  const text = `volume source ${JSON.stringify(source)}: ${seen}; put it back, or make a new sandbox`;
  return new HatcheryError('ERR_VOLUME_NOT_FOUND', text, { step: 'resolve the volumes' });
}

/** Opens the volumes for the user namespace of an init, which is in it once it has parked. */
export async function openVolumes(
  { workers }: RuntimeContext,
  steps: StepList,
  volumes: readonly CompiledVolume[],
  init: { readonly pidfd: number; readonly connection: InitConnection; readonly ending: AbortSignal | undefined },
): Promise<OpenVolumes> {
  if (volumes.length === 0) return { volumeTargets: [], volumes: [] };
  return await steps.run(
    'open the volumes',
    async () => {
      await untilParked(init.connection, init.ending);
      const pidfd = duplicateFd(init.pidfd);
      try {
        const { fds } = await workers.run('openVolumes', { volumes, pidfd });
        return { volumeTargets: volumes.map(({ target }) => target), volumes: [...fds] };
      } catch (error) {
        if (error instanceof PoolError && !error.started) closeFd(pidfd);
        throw error;
      }
    },
    closeVolumes,
  );
}

/** Init's copies stay. */
export function closeVolumes({ volumes }: OpenVolumes): void {
  for (const fd of volumes) closeFd(fd);
}

/** It takes requests from then on. Rejects with the ShimError of a step that failed, among others. */
export async function untilParked(connection: InitConnection, signal: AbortSignal | undefined): Promise<void> {
  try {
    await connection.ping({ timeoutMs: parkDeadlineMs, signal });
  } catch (error) {
    // The step of the checklist that failed says more.
    if (error instanceof ChannelClosedError) await connection.parked;
    throw error;
  }
}
