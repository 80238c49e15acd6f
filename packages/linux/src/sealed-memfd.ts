import { native } from './native-binding.ts';

/**
 * A file in memory (memfd_create(2)) that holds `bytes` and can never change: sealed against writing, shrinking,
 * growing and further seals. Not executable unless asked for (on kernels before 6.3 every one is). Its offset is at the
 * end. `name` shows in /proc only, at most 249 bytes. Throws `LinuxError`: EINVAL, EMFILE, ENOMEM.
 */
export function createSealedMemfd(name: string, bytes: Uint8Array, options?: { executable?: boolean }): number {
  return native().createSealedMemfd(name, bytes, options?.executable ?? false);
}
