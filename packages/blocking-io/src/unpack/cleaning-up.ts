import { closeFd } from '@hatchery/linux';
import type { BlockingPool } from '../blocking-pool.ts';
import type { ChrootHandle } from '../chroot/chroot-handle.ts';
import type { RemoveTree } from '../jobs/remove-tree.ts';
import { hasCode } from './strict-open.ts';

/** By then ten million entries are gone, and somebody makes more. */
const REMOVAL_MS = 600_000;
/** How often a tree may be changed while it is removed. */
const ATTEMPTS = 100;

/** What an unpack leaves while it runs. */
export interface Traces {
  readonly unpack: number;
  /** Descriptor of the directory in which the hidden one is; closed at the end. */
  readonly destination: number;
  readonly name: string;
}

export interface CleanUpContext {
  readonly pool: Pick<BlockingPool, 'run'>;
  readonly handle: ChrootHandle;
}

/** Removes the hidden directory however the work ended, also when the thread that made it is gone. */
export async function cleaningUp<T>(context: CleanUpContext, traces: Traces, work: () => Promise<T>): Promise<T> {
  const [worked] = await Promise.allSettled([work()]);
  const [removal] = await Promise.allSettled([remove(context, traces)]);
  if (removal.status === 'fulfilled') {
    if (worked.status === 'fulfilled') return worked.value;
    throw worked.reason;
  }
  const { reason: cause }: { reason: unknown } = removal;
  if (worked.status === 'fulfilled') throw cause;
  const text = `${String(worked.reason)}; and what was made until then, ${traces.name}, could not be removed`;
  throw new AggregateError([worked.reason, cause], text, { cause });
}

async function remove({ pool, handle }: CleanUpContext, { unpack, destination, name }: Traces): Promise<void> {
  // A handle that is closed, or lost with its thread, has let go of everything.
  await handle.call('closeUnpack', { unpack }).catch(() => {});
  try {
    const directory = `/proc/self/fd/${destination}`;
    const until = performance.now() + REMOVAL_MS;
    for (let attempt = 1; !(await removed(pool, { directory, name }, until, attempt === ATTEMPTS)); attempt += 1);
  } finally {
    closeFd(destination);
  }
}

/** False: whoever lives in the root has changed it meanwhile. Not in the handle's thread, which has others to look after. */
async function removed(pool: CleanUpContext['pool'], tree: RemoveTree, until: number, last: boolean): Promise<boolean> {
  try {
    while (!(await pool.run('removeTreePart', tree)))
      if (performance.now() > until) throw new Error(`not empty after ${REMOVAL_MS} ms: somebody goes on to fill it`);
    return true;
  } catch (error) {
    if (last || !hasCode(error, 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENOTEMPTY')) throw error;
    return false;
  }
}
