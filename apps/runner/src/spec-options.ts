import type { Command } from 'commander';

/** Of an option that may be given several times. */
export const repeatable = (value: string, list: string[] = []): string[] => [...list, value];

/** The options that say what a sandbox shall be. */
export function addSpecOptions(command: Command): void {
  command
    .option('-e, --env <KEY[=VALUE]>', 'set a variable; without a value: take ours (repeatable)', repeatable)
    .option('-w, --workdir <dir>', 'working directory (default: the home of the user)')
    .option('-u, --user <user>', 'name, uid, uid:gid or name:group (default: root)')
    .option('--image <image>', '"host" or the absolute path of a root directory (default: host)')
    .option('--memory <bytes>', 'memory of all processes, such as 512m or 1g (default: 512m)')
    .option('--cpus <n>', 'CPU time per second, such as 0.5 (default: 1)')
    .option('--pids <n>', 'processes and threads (default: 256)')
    .option('--hostname <name>', 'host name (default: the id of the sandbox)')
    .option('-v, --volume <source:target[:ro]>', 'show a directory or file of the host inside (repeatable)', repeatable)
    .option(
      '--network <network>',
      '"none": loopback only; "slot": outward open; or allow=CIDR,... and deny=CIDR,... (default: none)',
    );
}
