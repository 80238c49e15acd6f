import { holdChroot } from './chroot.ts';

/** Every kind of handle. Each is one file beside this one. */
export interface Holders {
  /** A directory that stays open, with all that is done in it: use `openChroot`. */
  readonly chroot: typeof holdChroot;
}

export const holders: Holders = { chroot: holdChroot };
