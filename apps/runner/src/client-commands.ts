import type { Command } from 'commander';
import type { ClientFlags } from './client/open-client.ts';
import type { CensusFlags } from './commands/census.ts';
import type { CpFlags } from './commands/cp.ts';
import { cpHelp } from './commands/cp-help.ts';
import type { CreateFlags } from './commands/create.ts';
import type { EventsFlags } from './commands/events.ts';
import type { ExecFlags } from './commands/exec-flags.ts';
import type { GcFlags } from './commands/gc.ts';
import type { LogsFlags } from './commands/logs.ts';
import type { PsFlags } from './commands/ps.ts';
import type { RmFlags } from './commands/rm.ts';
import type { StatsFlags } from './commands/stats.ts';
import { addSpecOptions, repeatable } from './spec-options.ts';

const socketOption = [
  '--socket <path>',
  'of the server (default: HATCHERY_SOCKET, or /run/hatchery/hatchery.sock)',
] as const;

/** The commands that a server answers, and their flags. */
export function addClientCommands(program: Command, setExitCode: (code: number) => void): void {
  const add = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .option(...socketOption);

  const create = add('create', 'make a sandbox that stays, and print its id')
    .option('--id <id>', '1 to 63 of [a-z0-9] (default: a random one)')
    .option('--metadata <KEY=VALUE>', 'kept with it and never interpreted (repeatable)', repeatable)
    .option('--root <medium>', 'where changes live: "memory" or "disk" (default: memory)')
    .option('--timeout <duration>', 'how long it lives, such as 30s or 2h (default: for ever)')
    .option('--on-timeout <action>', '"destroy", "pause", or with --root disk "stop" (default: destroy)')
    .option('--json', 'print all of it')
    .action(async (flags: CreateFlags) => {
      const { create } = await import('./commands/create.ts');
      setExitCode(await create(flags));
    });
  addSpecOptions(create);

  add('exec', 'run a program in a sandbox; it ends with this command, unless -d')
    .usage('[options] SANDBOX COMMAND [ARGS...]')
    .argument('<sandbox>')
    .argument('<command...>')
    .passThroughOptions()
    .option('-i, --interactive', 'give our standard input to the program (default: /dev/null)')
    .option('-t, --tty', 'give the program a terminal, whose size follows ours; with -i ours is its keyboard')
    .option('-d, --detach', 'print the id of the execution and leave it running')
    .option('-e, --env <KEY[=VALUE]>', 'set a variable; without a value: take ours (repeatable)', repeatable)
    .option('-w, --workdir <dir>', "working directory (default: the sandbox's)")
    .option('-u, --user <user>', "name, uid, uid:gid or name:group (default: the sandbox's)")
    .option('--timeout <duration>', 'end the program after 500ms, 5s, 1m and exit with 124')
    .action(async (sandbox: string, command: string[], flags: ExecFlags) => {
      const { exec } = await import('./commands/exec.ts');
      setExitCode(await exec(sandbox, command, flags));
    });

  add('ps', 'list the sandboxes, or the executions of one')
    .argument('[sandbox]')
    .option('--json', 'print them as JSON')
    .action(async (sandbox: string | undefined, flags: PsFlags) => {
      const { ps } = await import('./commands/ps.ts');
      setExitCode(await ps(sandbox, flags));
    });

  add('logs', 'print what is kept of the output of an execution, the last one if none is named')
    .argument('<sandbox>')
    .argument('[execution]')
    .option('-f, --follow', 'go on until it ends')
    .action(async (sandbox: string, execution: string | undefined, flags: LogsFlags) => {
      const { logs } = await import('./commands/logs.ts');
      setExitCode(await logs(sandbox, execution, flags));
    });

  add('events', 'print what happens to sandboxes from now on')
    .option('--json', 'print them as JSON, one a line')
    .action(async (flags: EventsFlags) => {
      const { events } = await import('./commands/events.ts');
      setExitCode(await events(flags));
    });

  const changes = {
    pause: 'freeze the processes of sandboxes; their memory stays',
    resume: 'let paused sandboxes go on',
    stop: 'end the processes of sandboxes with --root disk and keep their files',
    start: 'start stopped sandboxes again',
  } as const;
  for (const change of ['pause', 'resume', 'stop', 'start'] as const) {
    add(change, changes[change])
      .argument('<sandboxes...>')
      .action(async (sandboxes: string[], flags: ClientFlags) => {
        const { changeState } = await import('./commands/lifecycle.ts');
        setExitCode(await changeState(change, sandboxes, flags));
      });
  }

  add('network', 'replace the network rules of sandboxes; connections that are no longer allowed are cut')
    .argument('<sandboxes...>')
    .requiredOption('--rules <rules>', '"slot": outward open; or allow=CIDR,... and deny=CIDR,...')
    .action(async (sandboxes: string[], flags: ClientFlags & { rules: string }) => {
      const { changeNetwork } = await import('./commands/network.ts');
      setExitCode(await changeNetwork(sandboxes, flags));
    });

  add('rm', 'end sandboxes with everything in them, whatever their state')
    .argument('[sandboxes...]')
    .option('-f, --force', 'one that is not there is fine')
    .option('--all', 'every one')
    .action(async (sandboxes: string[], flags: RmFlags) => {
      const { rm } = await import('./commands/rm.ts');
      setExitCode(await rm(sandboxes, flags));
    });

  add('cp', 'copy a file or directory into a sandbox, or out of it')
    .usage('[options] SOURCE TARGET')
    .argument('<source>')
    .argument('<target>')
    .option('-r, --recursive', 'a directory with everything in it; with -: a tar stream')
    .option(
      '-u, --user <user>',
      "whose the copy is in the sandbox: name, uid, uid:gid or name:group (default: the sandbox's)",
    )
    .addHelpText('after', cpHelp)
    .action(async (source: string, target: string, flags: CpFlags) => {
      const { cp } = await import('./commands/cp.ts');
      setExitCode(await cp(source, target, flags));
    });

  add('stats', 'print what sandboxes use now')
    .argument('[sandboxes...]')
    .option('--json', 'print it as JSON')
    .action(async (sandboxes: string[], flags: StatsFlags) => {
      const { stats } = await import('./commands/stats.ts');
      setExitCode(await stats(sandboxes, flags));
    });

  add('census', 'count what there is on the machine of the server; exits with 1 when something belongs to no sandbox')
    .option('--json', 'print it as JSON')
    .action(async (flags: CensusFlags) => {
      const { census } = await import('./commands/census.ts');
      setExitCode(await census(flags));
    });

  add('gc', 'remove now what belongs to no sandbox')
    .option('--json', 'print it as JSON')
    .action(async (flags: GcFlags) => {
      const { gc } = await import('./commands/gc.ts');
      setExitCode(await gc(flags));
    });
}
