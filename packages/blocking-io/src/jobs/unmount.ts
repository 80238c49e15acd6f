import { unmountDetached } from '@hatchery/linux';

/**
 * Detaches the mount at a path, which no symlink may lead to. Whoever still uses the filesystem keeps it; with the last user it
 * is gone. Throws `LinuxError`.
 */
export function unmount({ path }: { readonly path: string }): void {
  unmountDetached(path);
}
