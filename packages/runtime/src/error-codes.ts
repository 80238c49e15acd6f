/** Every code that an error of this package can carry. docs/errors.md explains each; a test keeps the two in step. */
export const ERROR_CODES = [
  'ERR_SPEC_INVALID',
  'ERR_SANDBOX_NOT_FOUND',
  'ERR_SANDBOX_EXISTS',
  'ERR_SANDBOX_STATE',
  'ERR_SANDBOX_CREATE',
  'ERR_SANDBOX_LOST',
  'ERR_IMAGE_NOT_FOUND',
  'ERR_IMAGE_UNSUPPORTED',
  'ERR_LIMIT_UNENFORCEABLE',
  'ERR_USER_NOT_FOUND',
  'ERR_EXEC_NOT_FOUND',
  'ERR_EXEC_PERMISSION',
  'ERR_EXEC_CWD',
  'ERR_EXEC_TOO_LARGE',
  'ERR_EXEC_FAILED',
  'ERR_OUTPUT_TOO_LARGE',
  'ERR_OUTPUT_GAP',
  'ERR_RUNTIME_CLOSED',
  'ERR_HOST_UNSUPPORTED',
  'ERR_NOT_SUPPORTED',
  'ERR_ABORTED',
  'ERR_INSTANCE_LOCKED',
  'ERR_ZYGOTE_LOST',
  'ERR_RESOURCES',
  'ERR_WIRE',
] as const;

/** One of the closed list of error codes. */
export type ErrorCode = (typeof ERROR_CODES)[number];
