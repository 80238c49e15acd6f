import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const packageDirectory = fileURLToPath(new URL('..', import.meta.url));

/** What a program prints before its event loop has nothing left to wait for; fails when that never comes. */
export function outputOf(program: string): string[] {
  const source = `import { createSharedChannel, EventQueue } from '@hatchery/event-queue';${program}`;
  const options = ['--conditions=@hatchery/source', '--input-type=module', '--eval', source];
  return execFileSync(process.execPath, options, { cwd: packageDirectory, encoding: 'utf8', timeout: 10_000 })
    .trimEnd()
    .split('\n');
}
