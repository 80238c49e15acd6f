import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildProber } from './build-prober.ts';

const directories = ['dev', 'etc', 'home', 'home/user', 'proc', 'root', 'run', 'sys', 'tmp', 'usr', 'var'];
const accounts = ['root:x:0:0:root:/root:/sp', 'user:x:1000:1000:user:/home/user:/sp'];

/** Makes a root directory with the prober at /sp and nothing else that could run. */
export function makeProberImage(directory: string, options: { accounts?: readonly string[] } = {}): string {
  mkdirSync(directory, { recursive: true });
  for (const name of directories) mkdirSync(join(directory, name));
  // mkdir's mode passes the umask; chmod's does not.
  chmodSync(join(directory, 'tmp'), 0o1777);
  chmodSync(directory, 0o755);
  writeFileSync(join(directory, 'etc/passwd'), `${[...accounts, ...(options.accounts ?? [])].join('\n')}\n`);
  writeFileSync(join(directory, 'etc/group'), 'root:x:0:\nuser:x:1000:\n');
  copyFileSync(buildProber(), join(directory, 'sp'));
  chmodSync(join(directory, 'sp'), 0o755);
  return directory;
}
