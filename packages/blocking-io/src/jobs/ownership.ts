import { adoptFd, closeFd, releaseFd } from '@hatchery/linux';
import type { OwnershipRules } from '../tables.ts';
import type { Jobs } from './jobs.ts';

/** The main thread's side of the jobs that are given descriptors, or bring some. */
export const ownership: OwnershipRules<Jobs> = {
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
