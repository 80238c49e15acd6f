import type { Contestant } from './contestant.ts';
import { Raw } from './raw.ts';

export const rawFreshNet: Contestant = {
  name: 'raw-fresh-net',
  leavesOut: 'raw-lean, except that the network namespace is made and its loopback raised on the clock',
  open: (site) => Raw.open(site, 'lean-fresh-network'),
};
