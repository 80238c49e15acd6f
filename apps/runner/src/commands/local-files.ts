import { type BlockingPool, type Chroot, openChroot } from '@hatchery/blocking-io';
import { CliError } from '../cli-error.ts';

/** A directory here that nothing reached through it leads out of. Throws ERR_LOCAL_FILE. */
export async function openLocal(pool: BlockingPool, path: string): Promise<Chroot> {
  try {
    return await openChroot(pool, path);
  } catch (error) {
    throw localError('open', path, error);
  }
}

export function localError(verb: string, path: string, error: unknown): CliError {
  const happened = error instanceof Error ? error.message : String(error);
  return new CliError('ERR_LOCAL_FILE', `cp: cannot ${verb} ${path} here: ${happened}`);
}
