import { chmodSync, mkdirSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { HatcheryError } from '../errors.ts';

/** The file that tells what the directory is for. */
export const recordName = 'record';

/** Where a sandbox's record and socket are. */
export function sandboxDirectory(instanceDirectory: string, id: string): string {
  return join(instanceDirectory, 'sandboxes', id);
}

/** Makes the directory that claims the id. Throws ERR_SANDBOX_EXISTS when it is taken, even by debris. */
export function makeSandboxDirectory(instanceDirectory: string, id: string): string {
  const directory = sandboxDirectory(instanceDirectory, id);
  try {
    mkdirSync(directory, { mode: 0o711 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const text = `create of sandbox ${id}: ${directory} exists; destroy that sandbox or choose another id`;
    throw new HatcheryError('ERR_SANDBOX_EXISTS', text, { step: 'claim-id', cause: error });
  }
  // The umask must not close it to the sandbox's mapped root.
  chmodSync(directory, 0o711);
  return directory;
}

/**
 * Removes the directory of a sandbox that was never made; a missing one is fine. Never recursive: what it holds is flat
 * and ours, and a mount left in it must make this fail, not be emptied. Synchronous: four calls on a tmpfs.
 */
export function removeSandboxDirectory(instanceDirectory: string, id: string): void {
  const directory = sandboxDirectory(instanceDirectory, id);
  const entries = ifThere(() => readdirSync(directory, { withFileTypes: true })) ?? [];
  // The record goes last, so that an interrupted removal is still found by it.
  entries.sort((a, b) => Number(a.name === recordName) - Number(b.name === recordName));
  for (const entry of entries) {
    const path = join(directory, entry.name);
    ifThere(() => (entry.isDirectory() ? rmdirSync(path) : unlinkSync(path)));
  }
  ifThere(() => rmdirSync(directory));
}

/** undefined: it was gone already. */
function ifThere<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
