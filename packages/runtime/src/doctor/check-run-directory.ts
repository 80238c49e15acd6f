import { once } from 'node:events';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { DoctorFinding } from './finding.ts';
import { tryOut } from './make-finding.ts';
import { nearestExisting } from './nearest-existing.ts';

/** TMPFS_MAGIC of statfs(2). */
const tmpfsMagic = 0x01021994;

/** Makes a directory and binds a socket in it, as a sandbox does, where the run directory is or will be. */
export async function checkRunDirectory(path: string): Promise<DoctorFinding> {
  return await tryOut('run-directory', async () => {
    const parent = await nearestExisting(path);
    const directory = await mkdtemp(join(parent, 'hatchery-doctor-'));
    try {
      const server = createServer();
      server.listen(join(directory, 'socket'));
      await once(server, 'listening');
      server.close();
      await once(server, 'close');
    } finally {
      await rm(directory, { recursive: true });
    }
    const { type } = await statfs(parent);
    // ext4 takes 0.5 ms longer for the directory and socket of each sandbox.
    return `a socket was bound in ${parent}, ${type === tmpfsMagic ? 'a tmpfs' : 'which is no tmpfs: creating and destroying a sandbox takes about 0.5 ms longer'}`;
  });
}
