import { Command } from 'commander';
import { addClientCommands } from './client-commands.ts';
import { addImageCommands } from './image-commands.ts';
import { addKeyCommands } from './key-commands.ts';
import type { RunFlags } from './run/run-flags.ts';
import { addSettingOptions } from './serve/settings/add-setting-options.ts';
import type { SettingFlags } from './serve/settings/load-settings.ts';
import { dataDirectoryFlag } from './server-directories.ts';
import { addSpecOptions } from './spec-options.ts';
import { readVersion } from './version.ts';

/** The commands and their flags. What a command does is loaded when it is asked for: `run` is started often. */
export function createProgram(setExitCode: (code: number) => void): Command {
  const program = new Command('hatchery')
    .description('Runs untrusted programs in isolated sandboxes.')
    .enablePositionalOptions()
    .exitOverride()
    // An error is reported once, in our own words and on one line.
    .configureOutput({ writeErr: () => {}, outputError: () => {} })
    .version(readVersion(), '-V, --version', 'print the version');

  const run = program
    .command('run')
    .description('run a program in a sandbox of its own, which is removed when the program ends')
    .usage('[options] COMMAND [ARGS...]')
    .argument('<command...>')
    .passThroughOptions()
    .option('-i, --interactive', 'give our standard input to the program (default: /dev/null)')
    .option('-t, --tty', 'give the program a terminal, whose size follows ours; with -i ours is its keyboard')
    .option(
      '--timeout <duration>',
      'end the program after 500ms, 5s, 1m (a plain number: milliseconds) and exit with 124',
    )
    .action(async (command: string[], flags: RunFlags) => {
      const { run } = await import('./run/run.ts');
      setExitCode(await run(command, flags));
    });
  addSpecOptions(run);

  const server = program
    .command('serve')
    .description('own the sandboxes of this machine and answer the other commands, until SIGTERM or SIGINT')
    .action(async (flags: SettingFlags) => {
      const { serve } = await import('./serve/serve.ts');
      setExitCode(await serve(flags));
    });
  addSettingOptions(server);
  addClientCommands(program, setExitCode);
  addImageCommands(program, setExitCode);
  addKeyCommands(program, setExitCode);

  program
    .command('doctor')
    .description('try out what this host lets hatchery do; exits with 1 when something needed is missing')
    .option('--json', 'print the findings as JSON')
    .option(...dataDirectoryFlag)
    .action(async (flags: { json?: boolean; dataDirectory?: string }) => {
      const { doctor } = await import('./doctor/doctor.ts');
      setExitCode(await doctor(flags));
    });

  program
    .command('version')
    .description('print the version')
    .action(() => {
      process.stdout.write(`${readVersion()}\n`);
    });
  return program;
}

/** The commands for a shell's completion, which describe all the others. */
export function addCompletion(program: Command): void {
  const others = (): Command => createProgram(() => {});
  program
    .command('completion')
    .description('print the script that makes bash, zsh or fish complete our commands')
    .argument('<shell>')
    .action(async (shell: string) => {
      const { printScript } = await import('./commands/completion.ts');
      await printScript(others(), shell);
    });
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .passThroughOptions()
    .action(async (words: string[]) => {
      const { suggest } = await import('./commands/completion.ts');
      await suggest(others(), words[0] === '--' ? words.slice(1) : words);
    });
}
