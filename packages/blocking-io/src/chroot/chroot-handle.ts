import type { Handle } from '../handle.ts';
import type { PackMethods } from '../pack/pack-methods.ts';
import type { UnpackMethods } from '../unpack/unpack-methods.ts';
import type { ChrootMethods } from './chroot-methods.ts';

/** The main thread's end of a held root. */
export type ChrootHandle = Handle<ChrootMethods & UnpackMethods & PackMethods>;
