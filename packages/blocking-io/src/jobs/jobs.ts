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
  readonly endSandbox: typeof endSandbox;
  readonly releaseSandbox: typeof releaseSandbox;
  readonly closeDescriptor: typeof closeDescriptor;
  readonly closeDescriptors: typeof closeDescriptors;
  readonly removeTree: typeof removeTree;
  readonly removeTreePart: typeof removeTreePart;
  readonly unmount: typeof unmount;
  readonly syncFileSystem: typeof syncFileSystem;
  readonly makeDiskImage: typeof makeDiskImage;
  readonly mountDiskImage: typeof mountDiskImage;
  readonly resolveVolumes: typeof resolveVolumes;
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
