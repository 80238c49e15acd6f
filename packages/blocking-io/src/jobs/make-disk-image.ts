import { makeDiskImage as make } from '@hatchery/linux';

/** Makes a file of exactly `bytes` that holds an empty ext4. Throws `DiskImageError`. */
export function makeDiskImage({ path, bytes }: { readonly path: string; readonly bytes: number }): void {
  make(path, bytes);
}
