import { isAbsolute } from 'node:path';
import { closeFd, duplicateFd, type FileOwner } from '@hatchery/linux';
import type { BlockingPool } from '../blocking-pool.ts';
import type { CallOptions } from '../pool-options.ts';
import { rejectOnAbort } from '../reject-on-abort.ts';
import { checkCount } from './check-options.ts';
import { Chroot } from './chroot.ts';
import { ChrootError } from './chroot-error.ts';
import type { ChrootHandle } from './chroot-handle.ts';
import type { FileWriter } from './file-writer.ts';

/** Whose files a chroot makes, how it tells ids, and who writes for it. */
export interface ChrootOptions extends CallOptions {
  /** Whom what is made belongs to, as the host sees it. Default: this process's user. */
  readonly owner?: FileOwner | undefined;
  /** First id of the range of a sandbox: ids are told as they are inside. Default: as the host has them. */
  readonly ids?: number | undefined;
  /** Who writes content beyond 64 KiB. Default: the worker. */
  readonly writer?: FileWriter | undefined;
}

/**
 * Opens a root in a worker of the pool: a directory's absolute path, whose symlinks are followed, or its descriptor,
 * which may be closed as soon as this has been called. Rejects with `LinuxError` (ENOENT, ENOTDIR), ChrootError and PoolError.
 */
export async function openChroot(
  pool: Pick<BlockingPool, 'hold' | 'run'>,
  root: string | number,
  options: ChrootOptions = {},
): Promise<Chroot> {
  const { ids, writer = null, signal, timeoutMs } = options;
  const owner = options.owner ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  if (typeof root === 'string' && !isAbsolute(root))
    throw new ChrootError('ERR_FILE_ARGUMENT', root, 'a root is an absolute path or a descriptor');
  if (ids !== undefined) checkCount('/', 'ids', ids, 0, 2 ** 32 - 1);
  signal?.throwIfAborted();
  const held = typeof root === 'number' ? duplicateFd(root) : root;
  // Without the signal: the descriptor must stay until the worker has its own.
  const opening: Promise<ChrootHandle> = pool.hold(
    'chroot',
    { root: held, firstId: ids ?? null, owner },
    { timeoutMs },
  );
  const letGo = (): void => {
    if (typeof held === 'number') closeFd(held);
  };
  opening.then(letGo, letGo);
  return new Chroot(await rejectOnAbort(opening, signal, closeLate), writer, pool);
}

function closeLate(handle: ChrootHandle): void {
  handle.close().catch(() => {});
}
