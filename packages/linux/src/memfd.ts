import { native } from './native-binding.ts';

/**
 * An empty file in memory (memfd_create(2)), written with `node:fs` and gone with its last descriptor. `name` shows in
 * /proc only, at most 249 bytes. Throws `LinuxError`: EINVAL, EMFILE, ENOMEM.
 */
export function createMemfd(name: string): number {
  return native().createMemfd(name);
}
