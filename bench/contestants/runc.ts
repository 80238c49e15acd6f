import type { Contestant } from './contestant.ts';
import { OciRuntime } from './oci-runtime.ts';

export const runc: Contestant = {
  name: 'runc',
  leavesOut: 'no overlay (root read-only), no seccomp, no user namespace',
  open: (site) => OciRuntime.open(site, 'runc', []),
};
