import { CommanderError } from 'commander';
import { CliError } from './cli-error.ts';
import { ExitCode } from './exit-code.ts';
import { addCompletion, createProgram } from './program.ts';
import { isBrokenPipe, reportError } from './report-error.ts';
import { write } from './write.ts';

// A failing write rejects where it was made; without a listener it would end the process as well.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});
// Node's own 1 could be the program's exit code.
process.on('uncaughtException', (error) => {
  process.stderr.write(`hatchery: [ERR_INTERNAL] this is a fault of hatchery, please report it: ${error.stack}\n`);
  process.exit(ExitCode.failure);
});

async function main(args: readonly string[]): Promise<number> {
  const [first] = args;
  let exitCode = 0;
  const program = createProgram((code) => {
    exitCode = code;
  });
  addCompletion(program);
  try {
    await program.parseAsync(first === undefined ? ['--help'] : args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return await reportUsage(error, first);
    if (isBrokenPipe(error)) return exitCode; // the reader of a report has gone; there is nobody to tell
    await reportError(error);
    return ExitCode.failure;
  }
}

/** `run` leaves 2 to its program, as docker does. */
async function reportUsage(error: CommanderError, command: string | undefined): Promise<number> {
  if (error.exitCode === 0) return 0; // help or version was asked for, and has been printed
  // Of a command that is only a name for others.
  const said = error.code === 'commander.help' ? `${command} needs to be told what to do` : error.message;
  const text = said.replace(/^error: /, '').replace(/\.$/, '');
  await reportError(
    new CliError(
      'ERR_USAGE',
      `${text}; see hatchery ${command === 'run' || command === 'keys' || command === 'image' ? `${command} ` : ''}--help`,
    ),
  );
  return command === 'run' ? ExitCode.failure : ExitCode.usage;
}

const exitCode = await main(process.argv.slice(2));
// What was printed without waiting, such as help, has to leave before we do.
await write(process.stdout, '').catch(() => {});
// Does not wait for open handles: a terminal or pipe as our standard input could keep us here for ever.
process.exit(exitCode);
