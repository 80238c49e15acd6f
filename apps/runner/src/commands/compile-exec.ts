import type { TerminalSize } from '@hatchery/runtime';
import { CliError } from '../cli-error.ts';
import { parseDuration } from '../run/parse-duration.ts';
import { parseEnvironment } from '../run/parse-environment.ts';
import { readCommand } from '../run/read-command.ts';
import type { ExecRequest } from '../wire/views.ts';
import type { ExecFlags } from './exec-flags.ts';

/** Turns flags and what follows them into what the server is asked for. @throws CliError that names the flag. */
export function compileExec(
  typed: readonly string[],
  flags: ExecFlags,
  environment: NodeJS.ProcessEnv,
  size: TerminalSize,
): ExecRequest {
  if (flags.detach === true && flags.interactive === true)
    throw new CliError('ERR_USAGE', '--detach and --interactive: nobody stays to give it input; leave one out');
  const options: ExecRequest['options'] = { stdin: flags.interactive === true ? 'pipe' : 'ignore' };
  if (flags.env !== undefined) options.env = parseEnvironment(flags.env, environment);
  if (flags.workdir !== undefined) options.cwd = flags.workdir;
  if (flags.user !== undefined) options.user = flags.user;
  if (flags.timeout !== undefined) options.timeoutMs = parseDuration('--timeout', flags.timeout);
  if (flags.tty === true) options.tty = size;
  return { command: readCommand('exec', typed), options };
}
