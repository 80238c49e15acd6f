import { attachSharedSender, type SharedSenderData } from '@hatchery/event-queue';
import { closeFd } from '@hatchery/linux';
import { DirectoryWatch } from '../watch/directory-watch.ts';
import { WatchOutlet } from '../watch/watch-outlet.ts';
import { openWatchTarget } from '../watch/watch-target.ts';
import { ChrootPath } from './chroot-path.ts';
import type { HeldRoot } from './held-root.ts';

export interface OpenWatch {
  readonly path: string;
  readonly recursive: boolean;
  readonly maxDirectories: number;
  /** Of a channel for this watch alone. */
  readonly sender: SharedSenderData;
}

/** Watches until `closeWatch`. The directory itself has its watch before this returns. Throws `ChrootError` and `LinuxError`. */
export async function openWatch(root: HeldRoot, request: OpenWatch): Promise<number> {
  const sender = attachSharedSender(request.sender);
  const target = openWatchTarget(root.fd, ChrootPath.parse(request.path));
  let watch: DirectoryWatch;
  try {
    watch = new DirectoryWatch({ ...request, target, outlet: new WatchOutlet(sender, target.base) });
  } catch (error) {
    closeFd(target.fd);
    throw error;
  }
  const kept = root.keepWatch(watch);
  try {
    await watch.start(root.fd);
    return kept;
  } catch (error) {
    root.closeWatch(kept);
    throw error;
  }
}

/** Idempotent. */
export function closeWatch(root: HeldRoot, { watch }: { readonly watch: number }): void {
  root.closeWatch(watch);
}
