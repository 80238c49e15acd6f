import { type ErrorCode, HatcheryError } from '@hatchery/runtime';
import { ControlError } from '../serve/control-error.ts';
import { type ServerErrorCode, toErrorResponse } from '../serve/error-response.ts';

/** What the API's errors can be: by these words clients make errors of their own. */
export type BoxErrorCode = keyof typeof shapes;

/** HTTP status, and the word beside the code that clients write into their logs. */
const shapes = {
  invalid_argument: [400, 'InvalidArgumentError'],
  unsupported: [501, 'UnsupportedError'],
  unauthenticated: [401, 'AuthError'],
  permission_denied: [403, 'PermissionError'],
  not_found: [404, 'NotFoundError'],
  session_reaped: [410, 'SessionReapedError'],
  already_exists: [409, 'AlreadyExistsError'],
  invalid_state: [409, 'InvalidStateError'],
  stopped: [409, 'StoppedError'],
  image_pull_failed: [422, 'ImageError'],
  execution_failed: [422, 'ExecutionError'],
  resource_exhausted: [429, 'ResourceExhaustedError'],
  network_unavailable: [503, 'NetworkError'],
  upstream_unavailable: [502, 'UpstreamUnavailableError'],
  engine_unavailable: [503, 'EngineError'],
  storage_error: [500, 'StorageError'],
  database_error: [500, 'DatabaseError'],
  metadata_error: [500, 'MetadataError'],
  config_error: [500, 'ConfigError'],
  internal: [500, 'InternalError'],
  timeout: [504, 'TimeoutError'],
} as const;

/** What the runtime and this server throw, in the words of the API. */
const codes: Readonly<Record<ErrorCode | ServerErrorCode, BoxErrorCode>> = {
  ERR_SPEC_INVALID: 'invalid_argument',
  ERR_REQUEST_INVALID: 'invalid_argument',
  ERR_PROTOCOL: 'invalid_argument',
  ERR_USER_NOT_FOUND: 'invalid_argument',
  ERR_VOLUME_TARGET: 'invalid_argument',
  ERR_VOLUME_UNSUPPORTED: 'invalid_argument',
  ERR_EXEC_TOO_LARGE: 'invalid_argument',
  ERR_FILE_TYPE: 'invalid_argument',
  ERR_FILE_PATH: 'invalid_argument',
  // A client takes `permission_denied` for trouble with its key.
  ERR_FILE_PERMISSION: 'invalid_argument',
  ERR_ARCHIVE_INVALID: 'invalid_argument',
  ERR_ARCHIVE_REFUSED: 'invalid_argument',
  ERR_NOT_SUPPORTED: 'unsupported',
  ERR_LIMIT_UNENFORCEABLE: 'unsupported',
  ERR_SANDBOX_NOT_FOUND: 'not_found',
  ERR_ROUTE_NOT_FOUND: 'not_found',
  ERR_EXECUTION_NOT_FOUND: 'not_found',
  ERR_FILE_NOT_FOUND: 'not_found',
  ERR_VOLUME_NOT_FOUND: 'not_found',
  ERR_SANDBOX_EXISTS: 'already_exists',
  ERR_FILE_EXISTS: 'already_exists',
  ERR_SANDBOX_STATE: 'invalid_state',
  ERR_INSTANCE_LOCKED: 'invalid_state',
  ERR_FILE_BUSY: 'invalid_state',
  ERR_OUTPUT_GAP: 'invalid_state',
  ERR_IMAGE_NOT_FOUND: 'image_pull_failed',
  ERR_IMAGE_UNSUPPORTED: 'image_pull_failed',
  ERR_EXEC_NOT_FOUND: 'execution_failed',
  ERR_EXEC_PERMISSION: 'execution_failed',
  ERR_EXEC_CWD: 'execution_failed',
  ERR_EXEC_FAILED: 'execution_failed',
  ERR_OUTPUT_TOO_LARGE: 'resource_exhausted',
  ERR_FILE_TOO_LARGE: 'resource_exhausted',
  ERR_ARCHIVE_LIMIT: 'resource_exhausted',
  ERR_RESOURCES: 'resource_exhausted',
  ERR_NO_SPACE: 'resource_exhausted',
  ERR_NETWORK_UNSUPPORTED: 'network_unavailable',
  ERR_NETWORK_FAILED: 'network_unavailable',
  ERR_CONNECT_REFUSED: 'upstream_unavailable',
  ERR_CONNECT_FAILED: 'upstream_unavailable',
  ERR_SANDBOX_CREATE: 'engine_unavailable',
  ERR_SANDBOX_LOST: 'engine_unavailable',
  ERR_HOST_UNSUPPORTED: 'engine_unavailable',
  ERR_SHIM_REFUSED: 'engine_unavailable',
  ERR_RUNTIME_CLOSED: 'engine_unavailable',
  ERR_ZYGOTE_LOST: 'engine_unavailable',
  ERR_FILE_IO: 'storage_error',
  ERR_SANDBOX_PAUSE: 'internal',
  ERR_WIRE: 'internal',
  ERR_CENSUS: 'internal',
  ERR_INTERNAL: 'internal',
  // The client has gone, and reads no answer.
  ERR_ABORTED: 'timeout',
};

/** What this server's own refusals are, by their status: keys, bodies and queries are judged in the same way for every API. */
const codesByStatus: Readonly<Record<number, BoxErrorCode>> = {
  401: 'unauthenticated',
  403: 'permission_denied',
  404: 'not_found',
  409: 'invalid_state',
  501: 'unsupported',
};

/** What an error is on the wire: clients need all three, or go by the status alone. */
export interface BoxErrorBody {
  readonly error: { readonly message: string; readonly type: string; readonly code: BoxErrorCode };
}

/** An error that a client of this API is told as it stands. */
export class BoxError extends Error {
  override name = 'BoxError';
  readonly code: BoxErrorCode;

  constructor(code: BoxErrorCode, message: string) {
    super(message);
    this.code = code;
  }

  get status(): number {
    return shapes[this.code][0];
  }

  get body(): BoxErrorBody {
    const { message, code } = this;
    return { error: { message, type: shapes[code][1], code } };
  }
}

/** What this API has and hatchery does not: told as such, never as an empty success. */
export function unsupported(what: string, why: string): BoxError {
  return new BoxError('unsupported', `${what} is not supported by hatchery: ${why}`);
}

/** Any error as this API tells it. What nobody expected is told without its inside, which the log has. */
export function toBoxError(error: unknown): BoxError {
  if (error instanceof BoxError) return error;
  if (error instanceof ControlError)
    return new BoxError(codesByStatus[error.status] ?? 'invalid_argument', error.message);
  const { body } = toErrorResponse(error);
  const { code, message } = body.error;
  if (error instanceof HatcheryError || code in codes) return new BoxError(codes[code as ErrorCode], message);
  return new BoxError('internal', message);
}
