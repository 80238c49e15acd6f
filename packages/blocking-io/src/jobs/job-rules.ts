import { adoptFd, closeFd, releaseFd } from '@hatchery/linux';
import type { JobRules } from '../tables.ts';
import type { Jobs } from './jobs.ts';

/** The main thread's side of the jobs: those that are given descriptors, or bring some, and what waits for no other job. */
export const jobRules: JobRules<Jobs> = {
  // It waits for processes that are killed: addresses, exits and lives hang on it. Of a root on disk it looks at the place, too.
  endSandbox: { urgent: true },
  closeDescriptor: { give: ({ fd }) => void releaseFd(fd) },
  closeDescriptors: { give: ({ fds }) => fds.forEach((fd) => releaseFd(fd)) },
  mountDiskImage: { receive: ({ fd }) => void adoptFd(fd), discard: ({ fd }) => closeFd(fd) },
  openVolumes: {
    give: ({ pidfd }) => void releaseFd(pidfd),
    receive: ({ fds }) => fds.forEach((fd) => adoptFd(fd)),
    discard: ({ fds }) => fds.forEach((fd) => closeFd(fd)),
  },
  releaseSandbox: {
    give({ rootFd }) {
      if (rootFd !== null) releaseFd(rootFd);
    },
  },
};
