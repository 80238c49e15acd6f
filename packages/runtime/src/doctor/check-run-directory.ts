import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { DoctorFinding } from './finding.ts';
import { tryOut } from './make-finding.ts';
import { nearestExisting } from './nearest-existing.ts';

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
    return `a socket was bound in ${parent}`;
  });
}
