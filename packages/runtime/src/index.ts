export { type DoctorOptions, doctor } from './doctor/doctor.ts';
export type { DoctorFinding } from './doctor/finding.ts';
export { AbortError, type ErrorCode, HatcheryError, RuntimeClosedError } from './errors.ts';
export type { RuntimeOptions } from './open/options.ts';
export { Runtime } from './runtime.ts';
export type {
  AttachOptions,
  CallOptions,
  DoctorCheck,
  DoctorReport,
  ExecOptions,
  Execution,
  ExitStatus,
  Logger,
  OutputEvent,
  RunOptions,
  RunResult,
  RuntimeEvent,
  Sandbox,
  SandboxLimits,
  SandboxSpec,
  SandboxState,
  TerminalSize,
} from './types.ts';
