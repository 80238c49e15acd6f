import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A directory of the host that nothing of a sandbox may reach, as one text: names, owners, modes, contents and times of
 * change. The same text before and after means that nobody wrote, made, renamed or removed anything there.
 */
export function outsideOf(directory: string): string {
  return linesOf(directory).join('\n');
}

function linesOf(path: string): string[] {
  try {
    return linesOfPresent(path);
  } catch (error) {
    // A naive call in flight moves or removes it while it is looked at: a change like any other.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [`${path} is gone`];
    throw error;
  }
}

function linesOfPresent(path: string): string[] {
  const facts = lstatSync(path, { bigint: true });
  const what = facts.isFile() ? readFileSync(path, 'latin1') : facts.isSymbolicLink() ? readlinkSync(path) : '';
  const line = `${path} ${facts.mode} ${facts.uid}:${facts.gid} ${facts.ino} ${facts.ctimeNs} ${what}`;
  if (!facts.isDirectory()) return [line];
  return [
    line,
    ...readdirSync(path)
      .toSorted()
      .flatMap((name) => linesOf(join(path, name))),
  ];
}

/** Whether an inotify instance of this process watches the directory or what is in it, by its inode (proc_pid_fdinfo(5)). */
export function holdsWatchOn(directory: string): boolean {
  const wanted = [directory, ...readdirSync(directory).map((name) => join(directory, name))].map((path) => {
    const { ino, dev } = statSync(path);
    // The kernel prints its own form of a device's number: twelve bits of major, twenty of minor.
    const kernelDevice = (Math.floor(dev / 256) % 4096) * 2 ** 20 + (dev % 256);
    return `ino:${ino.toString(16)} sdev:${kernelDevice.toString(16)} `;
  });
  return readdirSync('/proc/self/fdinfo').some((fd) => {
    const info = readIfThere(`/proc/self/fdinfo/${fd}`);
    return info.includes('inotify wd:') && wanted.some((watch) => info.includes(watch));
  });
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
