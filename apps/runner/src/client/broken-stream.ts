import { CliError } from '../cli-error.ts';

/** An answer without its end: the server has gone, or has ended what it told. */
export function brokenStream(cause: unknown): CliError {
  const happened = cause instanceof Error ? ` (${cause.message})` : '';
  return new CliError('ERR_SERVER_LOST', `the server ended before it had told everything${happened}; ask it again`);
}
