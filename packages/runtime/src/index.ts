export { type DoctorOptions, doctor } from './doctor/doctor.ts';
export type { DoctorFinding } from './doctor/finding.ts';
export type { SandboxMaker } from './doctor/try-sandbox.ts';
export { AbortError, ERROR_CODES, type ErrorCode, HatcheryError, RuntimeClosedError } from './errors.ts';
export type {
  ArchiveLimits,
  ExtractResult,
  FileArchiveOptions,
  FileChange,
  FileDetails,
  FileEntry,
  FileExtractOptions,
  FileListOptions,
  FileMakeOptions,
  FileRange,
  FileReadOptions,
  FileResolveOptions,
  FileStatOptions,
  FileWatch,
  FileWatchOptions,
  FileWriteOptions,
  SandboxFiles,
} from './files/types.ts';
export type { LoopDelay } from './loop-delay/loop-gauge.ts';
export type { RuntimeNetworkOptions } from './network/network-options.ts';
export type { RuntimeOptions } from './open/options.ts';
export { Runtime } from './runtime.ts';
export type { SandboxSubscriber } from './sandbox-map/sandbox-subscriber.ts';
export type { SubscriberStats } from './sandbox-map/subscriber.ts';
export type { CompiledLimits } from './spec/limits.ts';
export type { CompiledSpec } from './spec/sandbox-spec.ts';
export type { CompiledVolume } from './spec/volumes.ts';
export type {
  AttachOptions,
  CallOptions,
  Census,
  CensusKind,
  CensusLeak,
  CreatedFrom,
  DoctorCheck,
  DoctorReport,
  ExecOptions,
  Execution,
  ExitStatus,
  GcResult,
  Logger,
  NetworkRules,
  OutputEvent,
  PoolStats,
  RunOptions,
  RunResult,
  RuntimeEvent,
  Sandbox,
  SandboxLimits,
  SandboxSpec,
  SandboxState,
  SandboxStats,
  TerminalSize,
  VolumeSpec,
} from './types.ts';
