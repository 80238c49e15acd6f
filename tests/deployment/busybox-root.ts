import { chownSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const applets = ['sh', 'ln', 'readlink', 'dirname', 'umount', 'env', 'cat', 'sleep', 'id', 'echo'];

/** Debian's static busybox, under the names of programs that an essential package of Debian has. */
export function busyboxInto(directory: string): void {
  copyFileSync('/bin/busybox', join(directory, 'busybox'));
  for (const name of applets) symlinkSync('busybox', join(directory, name));
}

/** Makes a root directory for sandboxes: busybox, and the users root and user. */
export function makeBusyboxRoot(directory: string): void {
  for (const name of ['bin', 'dev', 'etc', 'home/user', 'proc', 'root', 'run', 'sys', 'tmp', 'usr', 'var'])
    mkdirSync(join(directory, name), { recursive: true });
  chownSync(join(directory, 'home/user'), 1000, 1000);
  busyboxInto(join(directory, 'bin'));
  const accounts = ['root:x:0:0:root:/root:/bin/sh', 'user:x:1000:1000:user:/home/user:/bin/sh'];
  writeFileSync(join(directory, 'etc/passwd'), `${accounts.join('\n')}\n`);
  writeFileSync(join(directory, 'etc/group'), 'root:x:0:\nuser:x:1000:\n');
}
