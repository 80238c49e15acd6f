export type { CgroupAnchor } from './base-directory.ts';
export { type BaseDirectories, CgroupBase, type CgroupBaseOptions } from './cgroup-base.ts';
export { CgroupError, type CgroupErrorCode } from './cgroup-error.ts';
export type { CgroupEvent, CgroupEventFeed } from './cgroup-event-feed.ts';
export type { WaitOptions } from './cgroup-events.ts';
export type { CgroupStats } from './cgroup-stats.ts';
export type { Controller } from './controller.ts';
export { type Cgroup, type CreateCgroupOptions, createCgroup, type GroupFreezeOptions } from './create-cgroup.ts';
export {
  type CgroupHierarchy,
  type CgroupHost,
  type FindCgroupHostOptions,
  findCgroupHost,
} from './find-cgroup-host.ts';
export type { FreezeOptions } from './freeze.ts';
export { type CgroupLimits, minimumMemoryBytes } from './limits.ts';
export { type Mount, parseMountinfo } from './mountinfo.ts';
export type { Pressure, PressureShare } from './pressure.ts';
export { type CloneProbe, type ProbeProgram, probeCloneIntoCgroup } from './probe-clone-into-cgroup.ts';
export type { BusyCgroup, CgroupLogger, RemoveOptions } from './remove-cgroup.ts';
export type { SandboxCgroup } from './sandbox-cgroup.ts';
export type { V1Freezer } from './v1-freezer.ts';
export type { OomEvent, OomWatchOptions } from './watch-oom.ts';
