/** What goes wrong before a runtime is asked: the codes are the runtime's where it has one for the same thing. */
export type CliErrorCode =
  | 'ERR_USAGE'
  | 'ERR_SPEC_INVALID'
  | 'ERR_NOT_SUPPORTED'
  | 'ERR_SANDBOX_LOST'
  | 'ERR_OUTPUT'
  | 'ERR_OUTPUT_GAP'
  | 'ERR_LOCAL_FILE'
  | 'ERR_REQUEST_INVALID'
  | 'ERR_SETTING'
  | 'ERR_KEY_EXISTS'
  | 'ERR_KEY_NOT_FOUND'
  | 'ERR_KEY_STORE'
  | 'ERR_STORE_LOCKED'
  | 'ERR_SERVER_SOCKET'
  | 'ERR_SERVER_ADDRESS'
  | 'ERR_SERVER_TLS'
  | 'ERR_SERVER_RUNNING'
  | 'ERR_SERVER_UNREACHABLE'
  | 'ERR_SERVER_LOST'
  | 'ERR_TOKEN_SEED'
  | 'ERR_TEMPLATE_NAME'
  | 'ERR_TEMPLATE_NOT_FOUND'
  | 'ERR_TEMPLATE_EXISTS'
  | 'ERR_TEMPLATE_ROOT'
  | 'ERR_TEMPLATE_IN_USE'
  | 'ERR_TEMPLATE_BUILD'
  | 'ERR_TEMPLATES_UNREADABLE'
  | 'ERR_VOLUMES_UNREADABLE';

/** An error of the command line itself. */
export class CliError extends Error {
  override name = 'CliError';
  readonly code: CliErrorCode;

  constructor(code: CliErrorCode, text: string) {
    super(`[${code}] ${text}`);
    this.code = code;
  }
}
