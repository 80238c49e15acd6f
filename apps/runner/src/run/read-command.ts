import { CliError } from '../cli-error.ts';

export type Command = readonly [string, ...string[]];

/** The parser leaves in the `--` that ends our flags; a second one is the program's. */
export function readCommand(verb: string, typed: readonly string[]): [string, ...string[]] {
  const [program, ...args] = typed[0] === '--' ? typed.slice(1) : typed;
  if (program === undefined) throw new CliError('ERR_USAGE', `${verb}: no command; see hatchery ${verb} --help`);
  return [program, ...args];
}
