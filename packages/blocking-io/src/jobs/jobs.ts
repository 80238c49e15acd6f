import { closeDescriptor } from './close-descriptor.ts';
import { closeDescriptors } from './close-descriptors.ts';
import { endSandbox } from './end-sandbox.ts';
import { makeDiskImage } from './make-disk-image.ts';
import { mountDiskImage } from './mount-disk-image.ts';
import { openVolumes } from './open-volumes.ts';
import { releaseSandbox } from './release-sandbox.ts';
import { removeTree } from './remove-tree.ts';
import { removeTreePart } from './remove-tree-part.ts';
import { resolveVolumes } from './resolve-volumes.ts';
import { syncFileSystem } from './sync-file-system.ts';
import { unmount } from './unmount.ts';

/** Every job of the pool. Each is one file beside this one. */
export interface Jobs {
  /** The first half of a teardown: kills what is alive and returns when nobody is left. */
  readonly endSandbox: typeof endSandbox;
  /** The second half of a teardown: removes everything that is there of a sandbox. */
  readonly releaseSandbox: typeof releaseSandbox;
  /** Closes a descriptor, where the last reference to something large goes with it. */
  readonly closeDescriptor: typeof closeDescriptor;
  /** Closes descriptors one after the other, and tells how many milliseconds that took. */
  readonly closeDescriptors: typeof closeDescriptors;
  /** Removes an entry of a directory with everything in it. */
  readonly removeTree: typeof removeTree;
  /** The same, but stops after some thousand entries; false: there is more. */
  readonly removeTreePart: typeof removeTreePart;
  /** Detaches the mount at a path. */
  readonly unmount: typeof unmount;
  /** Writes out the whole file system that a path is on. */
  readonly syncFileSystem: typeof syncFileSystem;
  /** Makes a file that holds an empty ext4. */
  readonly makeDiskImage: typeof makeDiskImage;
  /** Mounts such a file, attached nowhere. */
  readonly mountDiskImage: typeof mountDiskImage;
  /** Follows the symlinks of the sources of volumes. */
  readonly resolveVolumes: typeof resolveVolumes;
  /** Mounts directories and files of the host, attached nowhere, with their owners mapped. */
  readonly openVolumes: typeof openVolumes;
}

export const jobs: Jobs = {
  endSandbox,
  releaseSandbox,
  closeDescriptor,
  closeDescriptors,
  removeTree,
  removeTreePart,
  unmount,
  syncFileSystem,
  makeDiskImage,
  mountDiskImage,
  resolveVolumes,
  openVolumes,
};
