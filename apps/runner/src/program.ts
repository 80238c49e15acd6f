import { Command } from 'commander';
import type { RunFlags } from './run/run-flags.ts';
import { readVersion } from './version.ts';

/** Commands that this build does not have yet: they are refused by name instead of as unknown. */
export const laterCommands: ReadonlySet<string> = new Set(
  'create exec ps stop start keys image logs pause resume rm cp stats events census gc serve completion'.split(' '),
);

const append = (value: string, list: string[] = []): string[] => [...list, value];

/** The commands and their flags. What a command does is loaded when it is asked for: `run` is started often. */
export function createProgram(setExitCode: (code: number) => void): Command {
  const program = new Command('hatchery')
    .description('Runs untrusted programs in isolated sandboxes.')
    .enablePositionalOptions()
    .exitOverride()
    // An error is reported once, in our own words and on one line.
    .configureOutput({ writeErr: () => {}, outputError: () => {} })
    .version(readVersion(), '-V, --version', 'print the version');

  program
    .command('run')
    .description('run a program in a sandbox of its own, which is removed when the program ends')
    .usage('[options] COMMAND [ARGS...]')
    .argument('<command...>')
    .passThroughOptions()
    .option('-i, --interactive', 'give our standard input to the program (default: /dev/null)')
    .option('-t, --tty', 'give the program a terminal, whose size follows ours; with -i ours is its keyboard')
    .option('-e, --env <KEY[=VALUE]>', 'set a variable; without a value: take ours (repeatable)', append)
    .option('-w, --workdir <dir>', 'working directory (default: the home of the user)')
    .option('-u, --user <user>', 'name, uid, uid:gid or name:group (default: root)')
    .option('--image <image>', '"host" or the absolute path of a root directory (default: host)')
    .option('--memory <bytes>', 'memory of all processes, such as 512m or 1g (default: 512m)')
    .option('--cpus <n>', 'CPU time per second, such as 0.5 (default: 1)')
    .option('--pids <n>', 'processes and threads (default: 256)')
    .option(
      '--timeout <duration>',
      'end the program after 500ms, 5s, 1m (a plain number: milliseconds) and exit with 124',
    )
    .option('--hostname <name>', 'host name (default: the id of the sandbox)')
    .option('-v, --volume <source:target>', 'show a host directory inside (repeatable)', append)
    .option('--network <mode>', '"none": loopback only (default: none)')
    .action(async (command: string[], flags: RunFlags) => {
      const { run } = await import('./run/run.ts');
      setExitCode(await run(command, flags));
    });

  program
    .command('doctor')
    .description('try out what this host lets hatchery do; exits with 1 when something needed is missing')
    .option('--json', 'print the findings as JSON')
    .action(async (flags: { json?: boolean }) => {
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
