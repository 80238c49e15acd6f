import { toErrorResponse } from './error-response.ts';

/** What an error of the control API is on the wire: `code` is the HTTP status. */
export interface ControlErrorBody {
  readonly code: number;
  readonly message: string;
  readonly error_code?: string;
}

/** An error that a client of the control API is told as it stands. */
export class ControlError extends Error {
  override name = 'ControlError';
  readonly status: number;
  /** A word for programs, beside the status. */
  readonly errorCode: string | null;

  constructor(status: number, message: string, errorCode: string | null = null) {
    super(message);
    this.status = status;
    this.errorCode = errorCode;
  }

  get body(): ControlErrorBody {
    const { status: code, message, errorCode } = this;
    return errorCode === null ? { code, message } : { code, message, error_code: errorCode };
  }
}

/** Any error as the control API tells it. What nobody expected is told without its inside, which the log has. */
export function toControlError(error: unknown): ControlError {
  if (error instanceof ControlError) return error;
  const { status, body } = toErrorResponse(error);
  return new ControlError(status, body.error.message);
}
