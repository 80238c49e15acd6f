export { BlockingPool } from './blocking-pool.ts';
export type {
  Chroot,
  ListOptions,
  MakeOptions,
  ReadOptions,
  StatOptions,
  StreamOptions,
  WriteOptions,
} from './chroot/chroot.ts';
export type { ChrootEntry, EntryType } from './chroot/chroot-entry.ts';
export { ChrootError, type ChrootErrorCode } from './chroot/chroot-error.ts';
export type { ChrootMethods } from './chroot/chroot-methods.ts';
export type { FileContent } from './chroot/content-source.ts';
export type { EntryDetails, EntryTarget } from './chroot/entry-details.ts';
export type { FileWriter } from './chroot/file-writer.ts';
export { type ChrootOptions, openChroot } from './chroot/open-chroot.ts';
export type { CallArgument, CallResult, Handle } from './handle.ts';
export type { ChrootHolder, HoldChroot } from './holders/chroot.ts';
export type { Holders } from './holders/holders.ts';
export type { EndSandbox } from './jobs/end-sandbox.ts';
export type { Jobs } from './jobs/jobs.ts';
export type { MountDiskImage } from './jobs/mount-disk-image.ts';
export type { OpenVolumes } from './jobs/open-volumes.ts';
export type { ReleaseSandbox } from './jobs/release-sandbox.ts';
export type { RemoveTree } from './jobs/remove-tree.ts';
export type { PackException, PackExceptionReason, PackSummary } from './pack/pack-report.ts';
export type { PackOptions, PackStream } from './pack/pack-stream.ts';
export { PoolError, type PoolErrorCode } from './pool-error.ts';
export type { CallOptions, PoolLogger, PoolOptions } from './pool-options.ts';
export type { Holder, HolderArgument, HolderMethods, JobArgument, JobResult } from './tables.ts';
export { ArchiveError, type ArchiveErrorCode } from './tar/archive-error.ts';
export type { UnpackOptions } from './unpack/unpack-archive.ts';
export type { UnpackLimits } from './unpack/unpack-limits.ts';
export type { UnpackResult } from './unpack/unpack-methods.ts';
export type { WaitSummary } from './wait-times.ts';
export type { ChrootWatch, ChrootWatchOptions } from './watch/chroot-watch.ts';
export type { ChrootChange } from './watch/watch-change.ts';
export type { PoolStats } from './worker-pool.ts';
