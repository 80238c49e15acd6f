import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { temporaryDirectory } from './temporary-directory.ts';

/** Calls that can wait for a disk, a filesystem's lock or another process: whatever takes a path, waits or unmounts. */
const blocking =
  '%file,fsync,fdatasync,sync,syncfs,flock,getdents64,poll,ppoll,select,pselect6,wait4,waitid,nanosleep,clock_nanosleep,open_tree,move_mount,mount_setattr,close';
/** A look without waiting, and closes of what is on no disk: those of a cgroup’s directory and of memory unmount nothing. */
const harmless = /poll\(\[.*\], \d+, 0[ )]|close\(\d+(?!\d|<\/(?!sys\/fs\/cgroup\/|memfd:))/;

export interface TracedCalls {
  /** Of this process's first thread, as strace tells them. */
  readonly main: readonly string[];
  readonly others: readonly string[];
}

/** What blocking calls this process makes while it does something, by thread. */
export async function tracedCalls(act: () => Promise<unknown>): Promise<TracedCalls> {
  const output = join(temporaryDirectory(), 'calls');
  const strace = spawn('strace', ['-f', '-y', '-o', output, '-e', `trace=${blocking}`, '-p', String(process.pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(strace, 'exit');
  await attached(strace);
  await act();
  strace.kill('SIGINT');
  await exited;
  const lines = readFileSync(output, 'latin1')
    .split('\n')
    .filter((line) => /^\d+ +\w+\(/.test(line) && !harmless.test(line));
  const isMain = (line: string): boolean => Number.parseInt(line, 10) === process.pid;
  return { main: lines.filter(isMain), others: lines.filter((line) => !isMain(line)) };
}

/** strace tells of the first thread once it has them all. */
async function attached(strace: ChildProcess): Promise<void> {
  if (strace.stderr === null) throw new Error('its errors are not piped');
  for await (const line of createInterface({ input: strace.stderr })) {
    if (line.includes(`Process ${process.pid} attached`)) {
      strace.stderr.resume();
      return;
    }
    if (line.includes('strace:') && !line.includes('attached')) throw new Error(line);
  }
  throw new Error('strace ended before it was attached');
}
