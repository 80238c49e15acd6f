import { holdChroot } from './chroot.ts';

/** Every kind of handle. Each is one file beside this one. */
export interface Holders {
  readonly chroot: typeof holdChroot;
}

export const holders: Holders = { chroot: holdChroot };
