import type { Contestant } from './contestant.ts';
import { Raw } from './raw.ts';

export const rawLean: Contestant = {
  name: 'raw-lean',
  leavesOut:
    'the same isolation in the cheapest order found: network and user namespace and shifted lower from stock, one /dev for all, 64-odd filter instructions; the program is PID 1 (create and exec: a bare init); executions get no cgroup or filter of their own; cgroups removed off the clock',
  open: (site) => Raw.open(site, 'lean'),
};
