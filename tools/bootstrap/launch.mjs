import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { isatty } from 'node:tty';

/** Runs `program` with the project's Node in place of this process: same stdio, signals passed on, its exit code ours. */
export function launch(root, program, programArguments) {
  const node = join(root, 'node_modules/.bin/node');
  const child = spawn(node, [join(root, program), ...programArguments], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the whole foreground group: passing it on would make the program see it twice.
      if (signal === 'SIGINT' && [0, 1, 2].some((fd) => isatty(fd))) return;
      child.kill(signal);
    });
  }
  child.on('error', (error) => {
    process.stderr.write(`hatchery: cannot start ${node}: ${error.message}; remove node_modules and run this again.\n`);
    process.exit(2);
  });
  child.on('exit', (code, signal) => {
    process.exit(signal === null ? code : 128 + constants.signals[signal]);
  });
}
