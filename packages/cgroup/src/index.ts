export type { CgroupAnchor } from './base-directory.ts';
export { type BaseDirectories, CgroupBase, type CgroupBaseOptions } from './cgroup-base.ts';
export { CgroupError, type CgroupErrorCode } from './cgroup-error.ts';
export type { Controller } from './controller.ts';
export { type Cgroup, type CreateCgroupOptions, createCgroup } from './create-cgroup.ts';
export {
  type CgroupHierarchy,
  type CgroupHost,
  type FindCgroupHostOptions,
  findCgroupHost,
} from './find-cgroup-host.ts';
export { type CgroupLimits, minimumMemoryBytes } from './limits.ts';
export type { WaitOptions } from './populated.ts';
export { type CloneProbe, type ProbeProgram, probeCloneIntoCgroup } from './probe-clone-into-cgroup.ts';
export type { BusyCgroup, CgroupLogger, RemoveOptions } from './remove-cgroup.ts';
export type { SandboxCgroup } from './sandbox-cgroup.ts';
