import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BlockingPool } from '@hatchery/blocking-io';
import { closeFd } from '@hatchery/linux';
import type { DoctorFinding } from './finding.ts';
import { tryOut } from './make-finding.ts';
import { nearestExisting } from './nearest-existing.ts';

/** The smallest that `limits.rootBytes` allows would do; this one is made as fast. */
const bytes = 16 * 2 ** 20;

/** Makes a small root on disk where the data directory is or will be, and mounts it, attached nowhere. */
export async function checkDiskRoots(dataDirectory: string): Promise<DoctorFinding> {
  return await tryOut('disk-roots', async () => {
    const directory = await mkdtemp(join(await nearestExisting(dataDirectory), 'hatchery-doctor-'));
    try {
      // Both wait for the disk: not in the thread of a runtime that is examined.
      await using workers = await BlockingPool.open({});
      const path = join(directory, 'root.img');
      await workers.run('makeDiskImage', { path, bytes });
      closeFd((await workers.run('mountDiskImage', { path })).fd);
      return `a file system was made and mounted in ${dataDirectory}`;
    } finally {
      await rm(directory, { recursive: true });
    }
  });
}
