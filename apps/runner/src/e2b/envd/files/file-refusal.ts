import { AbortError, type ErrorCode, HatcheryError } from '@hatchery/runtime';
import { EnvdError } from '../envd-error.ts';
import { notRunning } from '../wake-first.ts';

export interface FileAttempt {
  readonly sandboxId: string;
  readonly path: string;
  readonly user: string;
  /** Fires when the client has gone. */
  readonly signal: AbortSignal;
}

type Answer = (error: HatcheryError, attempt: FileAttempt) => EnvdError;

const gone: Answer = (_error, { sandboxId }) => notRunning(sandboxId);
const answers: Readonly<Partial<Record<ErrorCode, Answer>>> = {
  ERR_FILE_NOT_FOUND: (_error, { path }) => new EnvdError(404, `path '${path}' does not exist`),
  ERR_USER_NOT_FOUND: ({ message }, { user }) => new EnvdError(401, `error looking up user '${user}': ${message}`),
  ERR_NO_SPACE: ({ message }) => new EnvdError(507, `not enough disk space available: ${message}`),
  ERR_SANDBOX_STATE: gone,
  ERR_SANDBOX_LOST: gone,
};

/**
 * What a call of files met, as clients of the routes for content know it: 404 and 507 have classes of their own there, 502
 * says that the sandbox is gone. What is not named here is answered by its usual status.
 */
export function fileRefusal(error: unknown, attempt: FileAttempt): unknown {
  // Whatever broke then: nobody is told, and it is no fault.
  if (attempt.signal.aborted) return new AbortError('a request for a file', attempt.signal);
  if (!(error instanceof HatcheryError)) return error;
  return answers[error.code]?.(error, attempt) ?? error;
}
