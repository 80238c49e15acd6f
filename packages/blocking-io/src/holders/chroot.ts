import { currentDirectory, type FileOwner, OpenFlag, openat2 } from '@hatchery/linux';
import { type ChrootMethods, chrootMethods } from '../chroot/chroot-methods.ts';
import { HeldRoot } from '../chroot/held-root.ts';
import { type PackMethods, packMethods } from '../pack/pack-methods.ts';
import type { Holder } from '../tables.ts';
import { type UnpackMethods, unpackMethods } from '../unpack/unpack-methods.ts';

/**
 * What a worker needs to hold a root.
 * @internal
 */
export interface HoldChroot {
  /** Absolute path of a directory, or a directory's descriptor, which stays the caller's. */
  readonly root: string | number;
  /** First id of a sandbox's range, to tell ids as they are inside; null: as the host has them. */
  readonly firstId: number | null;
  /** Whom what is made belongs to, in the host's ids. */
  readonly owner: FileOwner;
}

/**
 * A root that a worker holds open, with all that can be done in it.
 * @internal
 */
export interface ChrootHolder extends Holder {
  /** By name; `Chroot` is what calls them. */
  readonly methods: ChrootMethods & UnpackMethods & PackMethods;
}

/**
 * A directory that stays open. Paths are walked inside it as if it were the root: no symlink and no `..` leads out, however
 * they are swapped meanwhile.
 */
export function holdChroot({ root, firstId, owner }: HoldChroot): ChrootHolder {
  const flags = OpenFlag.O_PATH | OpenFlag.O_DIRECTORY;
  // `.` of a descriptor: ENOTDIR where it is something else.
  const [directory, path] = typeof root === 'number' ? [root, '.'] : [currentDirectory, root];
  const held = new HeldRoot(openat2(directory, path, { flags }), firstId, owner);
  const unpacks = unpackMethods(held);
  const packs = packMethods(held);
  return {
    methods: { ...chrootMethods(held), ...unpacks.methods, ...packs.methods },
    close() {
      unpacks.close();
      packs.close();
      held.close();
    },
  };
}
