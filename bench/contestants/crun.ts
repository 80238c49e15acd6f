import type { Contestant } from './contestant.ts';
import { OciRuntime } from './oci-runtime.ts';

export const crun: Contestant = {
  name: 'crun',
  leavesOut: 'no overlay (root read-only), no seccomp, no user namespace',
  open: (site) => OciRuntime.open(site, 'crun', ['--without-unified']),
};
