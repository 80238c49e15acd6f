import { type ErrorCode, HatcheryError } from '@hatchery/runtime';
import { FrameError } from '../wire/frame-reader.ts';
import type { ErrorView } from '../wire/views.ts';

/** What the server itself refuses, beside what the runtime does. */
export type ServerErrorCode =
  | 'ERR_REQUEST_INVALID'
  | 'ERR_ROUTE_NOT_FOUND'
  | 'ERR_EXECUTION_NOT_FOUND'
  | 'ERR_PROTOCOL'
  | 'ERR_INTERNAL';

/** An error of the server's own. */
export class ServeError extends Error {
  override name = 'ServeError';
  readonly code: ServerErrorCode;

  constructor(code: ServerErrorCode, text: string, options?: ErrorOptions) {
    super(`[${code}] ${text}`, options);
    this.code = code;
  }
}

/** 4xx: the caller can do something about it; 5xx: this host or this server has to. */
const statusByCode: Readonly<Record<ErrorCode | ServerErrorCode, number>> = {
  ERR_SPEC_INVALID: 400,
  ERR_REQUEST_INVALID: 400,
  ERR_PROTOCOL: 400,
  ERR_USER_NOT_FOUND: 400,
  ERR_EXEC_NOT_FOUND: 400,
  ERR_EXEC_PERMISSION: 400,
  ERR_EXEC_CWD: 400,
  ERR_IMAGE_UNSUPPORTED: 400,
  ERR_VOLUME_UNSUPPORTED: 400,
  ERR_VOLUME_TARGET: 400,
  ERR_LIMIT_UNENFORCEABLE: 400,
  ERR_FILE_TYPE: 400,
  ERR_FILE_PATH: 400,
  ERR_ARCHIVE_INVALID: 400,
  ERR_ARCHIVE_REFUSED: 400,
  ERR_FILE_PERMISSION: 403,
  ERR_SANDBOX_NOT_FOUND: 404,
  ERR_IMAGE_NOT_FOUND: 404,
  ERR_FILE_NOT_FOUND: 404,
  ERR_VOLUME_NOT_FOUND: 404,
  ERR_ROUTE_NOT_FOUND: 404,
  ERR_EXECUTION_NOT_FOUND: 404,
  ERR_SANDBOX_EXISTS: 409,
  ERR_SANDBOX_STATE: 409,
  ERR_INSTANCE_LOCKED: 409,
  ERR_FILE_EXISTS: 409,
  ERR_FILE_BUSY: 409,
  ERR_OUTPUT_GAP: 410,
  ERR_EXEC_TOO_LARGE: 413,
  ERR_OUTPUT_TOO_LARGE: 413,
  ERR_FILE_TOO_LARGE: 413,
  ERR_ARCHIVE_LIMIT: 413,
  ERR_ABORTED: 499,
  ERR_EXEC_FAILED: 500,
  ERR_SANDBOX_CREATE: 500,
  ERR_SANDBOX_PAUSE: 500,
  ERR_SANDBOX_LOST: 500,
  ERR_NETWORK_UNSUPPORTED: 500,
  ERR_NETWORK_FAILED: 500,
  ERR_HOST_UNSUPPORTED: 500,
  ERR_WIRE: 500,
  ERR_CENSUS: 500,
  ERR_SHIM_REFUSED: 500,
  ERR_FILE_IO: 500,
  ERR_INTERNAL: 500,
  ERR_NOT_SUPPORTED: 501,
  ERR_CONNECT_REFUSED: 502,
  ERR_CONNECT_FAILED: 504,
  ERR_RUNTIME_CLOSED: 503,
  ERR_ZYGOTE_LOST: 503,
  ERR_RESOURCES: 503,
  ERR_NO_SPACE: 507,
};

/** What the framework throws before a route is reached, by its code. */
const ownWords: Readonly<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'the body is larger than 1 MiB',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'the body must be application/json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'the body is empty; it must be JSON',
};

/** An error as it crosses, with its HTTP status. What nobody expected is told without its inside, which the log has. */
export function toErrorResponse(error: unknown): { status: number; body: { error: ErrorView }; isExpected: boolean } {
  if (error instanceof HatcheryError || error instanceof ServeError || error instanceof FrameError) {
    const { code, message } = error;
    const step = error instanceof HatcheryError ? error.step : null;
    const status = statusByCode[code];
    return { status, body: { error: { code, message, step } }, isExpected: code !== 'ERR_INTERNAL' };
  }
  const status = clientStatusOf(error);
  if (status === null)
    return toErrorResponse(new ServeError('ERR_INTERNAL', 'a fault of hatchery; the log of the server has it'));
  const { code, message } = error as Error & { code?: string };
  const refusal = new ServeError('ERR_REQUEST_INVALID', ownWords[code ?? ''] ?? message);
  return { ...toErrorResponse(refusal), status };
}

/** Of what the framework refused: bad JSON, a body that breaks its schema or is too large. */
function clientStatusOf(error: unknown): number | null {
  if (!(error instanceof Error) || !('statusCode' in error)) return null;
  const { statusCode } = error;
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : null;
}
