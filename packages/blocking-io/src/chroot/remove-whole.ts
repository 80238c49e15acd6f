import type { CallOptions } from '../pool-options.ts';
import { ChrootError } from './chroot-error.ts';
import type { ChrootHandle } from './chroot-handle.ts';

/** By then ten million entries are gone, and somebody makes more. */
const MOST_MS = 600_000;

/** Removes a tree a part at a time, so that the calls of others come in between. */
export async function removeWhole(handle: ChrootHandle, path: string, options: CallOptions): Promise<void> {
  const started = performance.now();
  while (!(await handle.call('removePart', { path }, options))) {
    if (performance.now() - started < MOST_MS) continue;
    const text = `not empty after ${MOST_MS} ms, because somebody goes on to fill it; stop him, and remove it again`;
    throw new ChrootError('ERR_FILE_BUSY', path, text);
  }
}
