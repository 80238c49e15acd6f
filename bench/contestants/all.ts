import { bwrap } from './bwrap.ts';
import type { Contestant } from './contestant.ts';
import { crun } from './crun.ts';
import { hatchery, hatcherySlot } from './hatchery.ts';
import { nsenter } from './nsenter.ts';
import { rawFreshNet } from './raw-fresh-net.ts';
import { rawLean } from './raw-lean.ts';
import { rawNaive } from './raw-naive.ts';
import { runc } from './runc.ts';

/** In the order of the tables. */
export const contestants: readonly Contestant[] = [
  rawLean,
  rawFreshNet,
  rawNaive,
  hatchery,
  hatcherySlot,
  bwrap,
  crun,
  runc,
  nsenter,
];
