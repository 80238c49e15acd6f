import { Code, ConnectError } from '@connectrpc/connect';
import { type ErrorCode, HatcheryError } from '@hatchery/runtime';

/** Each with the class that clients make of it in mind; `resource_exhausted` and `unavailable` are "try again" to them. */
const codes: Readonly<Partial<Record<ErrorCode, Code>>> = {
  ERR_SPEC_INVALID: Code.InvalidArgument,
  ERR_FILE_PATH: Code.InvalidArgument,
  ERR_FILE_TYPE: Code.InvalidArgument,
  ERR_FILE_NOT_FOUND: Code.NotFound,
  ERR_FILE_EXISTS: Code.AlreadyExists,
  ERR_FILE_PERMISSION: Code.PermissionDenied,
  ERR_FILE_BUSY: Code.FailedPrecondition,
  ERR_FILE_TOO_LARGE: Code.FailedPrecondition,
  ERR_NO_SPACE: Code.FailedPrecondition,
  ERR_USER_NOT_FOUND: Code.Unauthenticated,
  ERR_SANDBOX_STATE: Code.Unavailable,
  ERR_SANDBOX_LOST: Code.Unavailable,
  ERR_RUNTIME_CLOSED: Code.Unavailable,
  ERR_RESOURCES: Code.ResourceExhausted,
  ERR_ABORTED: Code.Canceled,
};

/** What a call of files met, as its client sees it. Anything else is a fault of ours, and thrown as it is. */
export function toConnectError(error: unknown, user: string): unknown {
  if (!(error instanceof HatcheryError)) return error;
  if (error.code === 'ERR_USER_NOT_FOUND')
    return new ConnectError(`invalid username: '${user}'`, Code.Unauthenticated, undefined, undefined, error);
  const code = isLoop(error) ? Code.FailedPrecondition : codes[error.code];
  return code === undefined ? error : new ConnectError(error.message, code, undefined, undefined, error);
}

/** The kernel found more symlinks than it follows. */
function isLoop({ code, cause }: HatcheryError): boolean {
  return code === 'ERR_FILE_PATH' && cause instanceof Error && 'code' in cause && cause.code === 'ELOOP';
}
