import type { Contestant } from './contestant.ts';
import { Raw } from './raw.ts';

export const rawNaive: Contestant = {
  name: 'raw-naive',
  leavesOut:
    'kernel steps in the order of an OCI runtime (maps and cgroup.procs written by the parent, mounts by path, 370-odd filter instructions); the program is PID 1; all sandboxes in one id range; cgroups removed off the clock',
  open: (site) => Raw.open(site, 'naive'),
};
