import { constants } from 'node:os';
import type { ExitStatus } from '@hatchery/runtime';

/** Exit codes that do not come from the program: those of docker run and of timeout(1). */
export const ExitCode = { usage: 2, timeout: 124, failure: 125, notExecutable: 126, notFound: 127 } as const;

/** What a shell would say of a program that died by this signal. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** The exit code that stands for a status; null when the program was ended from outside and has none of its own. */
export function exitCodeOfStatus(status: ExitStatus): number | null {
  // Also when the program caught SIGTERM and exited by itself: the caller asked for a limit and it was reached.
  if (status.reason === 'timeout') return ExitCode.timeout;
  if (status.reason === 'destroyed' || status.reason === 'forced-close' || status.reason === 'lost') return null;
  if (status.exitCode !== null) return status.exitCode;
  return status.signal === null ? null : exitCodeOfSignal(status.signal);
}

/** The exit code of a failing `run`: 127 and 126 for a program that could not be started, 125 for everything else. */
export function exitCodeOfError(error: unknown): number {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'ERR_EXEC_NOT_FOUND') return ExitCode.notFound;
  if (code === 'ERR_EXEC_PERMISSION') return ExitCode.notExecutable;
  return ExitCode.failure;
}
