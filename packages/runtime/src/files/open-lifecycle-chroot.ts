import { type Chroot, openChroot } from '@hatchery/blocking-io';
import type { RuntimeContext } from '../context.ts';
import type { Lifecycle } from '../sandbox/lifecycle.ts';
import { sandboxWriter } from './sandbox-writer.ts';

/** A handle on a sandbox's root, in a thread of its own kind. What is written through it counts against the sandbox. */
export function openLifecycleChroot({ workers }: RuntimeContext, lifecycle: Lifecycle): Promise<Chroot> {
  const { rootFd, lease } = lifecycle.parts;
  const owner = { uid: lease.firstId, gid: lease.firstId };
  return openChroot(workers, rootFd, { ids: lease.firstId, owner, writer: sandboxWriter(lifecycle) });
}
