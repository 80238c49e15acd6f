/** What envd answers over plain HTTP instead of doing what was asked. */
export class EnvdError extends Error {
  override name = 'EnvdError';
  readonly status: number;
  /** Beside `code` and `message` in the body. */
  readonly details: Readonly<Record<string, string>>;

  constructor(status: number, message: string, details: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.details = details;
  }
}
