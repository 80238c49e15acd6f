import { constants as files } from 'node:fs';
import { open } from 'node:fs/promises';
import { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { closeFd, makePipe, reap, releaseFd, sendSignal, spawnIsolated, watchReadable } from '@hatchery/linux';
import { executableCopy } from './executable-copy.ts';
import type { DoctorFinding } from './finding.ts';
import { parseProbeLine } from './parse-probe-line.ts';

export interface NativeProbeOptions {
  /** The shim's verified bytes. */
  readonly shim: Uint8Array;
  /** A directory whose filesystem the image `host` uses as a lower. */
  readonly lower: string;
  /** A directory on the filesystem of the data directory. */
  readonly data: string;
  /** A cgroup v2 directory for the probes' cgroups; null: there is none. */
  readonly cgroupFd: number | null;
  readonly signal: AbortSignal | null;
}

/**
 * Runs the shim's mode `probe`: a process of its own, because what it tries out (namespaces, filters, uids) can be done
 * once in a process, and only in one that has a single thread.
 *
 * @throws LinuxError when the shim cannot be started; the signal's reason; Error when it ends early.
 */
export async function runNativeProbes(options: NativeProbeOptions): Promise<DoctorFinding[]> {
  options.signal?.throwIfAborted();
  await using shim = await executableCopy(options.shim);
  await using nothing = await open('/dev/null', files.O_RDWR);
  const argv = ['hatchery-shim', 'probe', '--lower', options.lower, '--data', options.data];
  const [readEnd, writeEnd] = makePipe();
  const fds = [nothing.fd, writeEnd, nothing.fd];
  if (options.cgroupFd !== null) argv.push('--cgroup-fd', String(fds.push(options.cgroupFd) - 1));
  let child: { pidfd: number };
  try {
    child = spawnIsolated({ executableFd: shim.fd, argv, fds });
  } catch (error) {
    closeFd(readEnd);
    throw error;
  } finally {
    closeFd(writeEnd);
  }
  return await collect(child.pidfd, readEnd, options.signal);
}

async function collect(pidfd: number, readEnd: number, signal: AbortSignal | null): Promise<DoctorFinding[]> {
  const exited = Promise.withResolvers<void>();
  using _watch = watchReadable(pidfd, exited.resolve);
  const kill = (): void => void sendSignal(pidfd, 9);
  signal?.addEventListener('abort', kill, { once: true });
  try {
    const output = await text(new Socket({ fd: releaseFd(readEnd), writable: false }));
    await exited.promise;
    signal?.throwIfAborted();
    const status = reap(pidfd);
    if (status?.code !== 0)
      throw new Error(`the shim's mode probe ended with ${JSON.stringify(status)} after: ${output.slice(-200)}`);
    return output.split('\n').filter(Boolean).map(parseProbeLine);
  } finally {
    signal?.removeEventListener('abort', kill);
    closeFd(pidfd);
  }
}
