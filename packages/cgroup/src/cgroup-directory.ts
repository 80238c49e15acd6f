import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeSync,
} from 'node:fs';
import { closeFd, OpenFlag, openat2, Resolve } from '@hatchery/linux';
import { CgroupError } from './cgroup-error.ts';

/**
 * One held cgroup directory; everything below it is reached through the descriptor, so that a mount made or
 * moved over the hierarchy later changes nothing. `/proc/self/fd/N/…` stands in for the *at() calls that are neither
 * in Node nor worth an addon call of their own.
 *
 * Failures are `CgroupError`s: ERR_CGROUP_GONE for a missing file or directory, else ERR_CGROUP_IO.
 */
export class CgroupDirectory {
  readonly fd: number;
  /** The absolute path, for messages only. */
  readonly path: string;
  readonly #through: string;

  constructor(path: string) {
    this.path = path;
    this.fd = attempt('open', path, () => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY));
    this.#through = `/proc/self/fd/${this.fd}`;
  }

  read(name: string): string {
    return attempt('read', `${this.path}/${name}`, () =>
      this.#withFile(name, OpenFlag.O_RDONLY, (fd) => readFileSync(fd, 'utf8')),
    );
  }

  write(name: string, text: string): void {
    attempt('write', `${this.path}/${name}`, () =>
      this.#withFile(name, OpenFlag.O_WRONLY, (fd) => writeSync(fd, text)),
    );
  }

  open(name: string): number {
    return attempt('open', `${this.path}/${name}`, () => openSync(`${this.#through}/${name}`, constants.O_RDONLY));
  }

  make(name: string): void {
    attempt('mkdir', `${this.path}/${name}`, () => mkdirSync(`${this.#through}/${name}`, 0o755));
  }

  removeDirectory(name: string): void {
    attempt('rmdir', `${this.path}/${name}`, () => rmdirSync(`${this.#through}/${name}`));
  }

  /** Names of the child cgroups of `name` (`.`: of this directory). */
  children(name: string): string[] {
    return attempt('readdir', `${this.path}/${name}`, () =>
      readdirSync(`${this.#through}/${name}`, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name),
    );
  }

  /** The process ids in `name`'s own cgroup.procs. */
  processes(name: string): number[] {
    const text = this.read(`${name}/cgroup.procs`);
    const pids = text.split('\n').slice(0, -1).map(Number);
    if (!pids.every((pid) => Number.isSafeInteger(pid) && pid > 0)) {
      // The kernel prints 0 for members outside our pid namespace; as a pid it would mean "ourselves".
      throw new CgroupError({
        code: 'ERR_CGROUP_IO',
        step: 'read cgroup.procs',
        text: `read "${this.path}/${name}/cgroup.procs": holds processes that this pid namespace cannot name (${JSON.stringify(text)}). Run in the host's pid namespace`,
      });
    }
    return pids;
  }

  /** The kernel's number of the cgroup `name`, which no other one gets until the next boot (v2; its inode). */
  identity(name: string): bigint {
    return attempt('stat', `${this.path}/${name}`, () => statSync(`${this.#through}/${name}`, { bigint: true }).ino);
  }

  has(name: string): boolean {
    try {
      closeSync(this.open(name));
      return true;
    } catch (error) {
      if (error instanceof CgroupError && error.code === 'ERR_CGROUP_GONE') return false;
      // Write-only control files (cgroup.kill) answer a read-only open with EACCES to an unprivileged caller.
      if (error instanceof CgroupError && error.errno === 'EACCES') return true;
      throw error;
    }
  }

  /** openat2 takes a third less time than an open through /proc; every create writes four files. */
  #withFile<T>(name: string, flags: number, use: (fd: number) => T): T {
    const fd = openat2(this.fd, name, { flags, resolve: Resolve.beneath | Resolve.noSymlinks });
    try {
      return use(fd);
    } finally {
      closeFd(fd);
    }
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** ENOENT: never was or is removed; ENODEV: removed while its file was open. */
const goneErrnos: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENODEV']);

function attempt<T>(step: string, path: string, call: () => T): T {
  try {
    return call();
  } catch (cause) {
    // A TypeError is a mistake in the program, not an answer of the kernel.
    throw errnoOf(cause) === undefined ? cause : translateFileError(step, path, cause);
  }
}

/** The one border where errors of Node and of the addon, which carry the errno's name alike, become ours. */
export function translateFileError(step: string, path: string, cause: unknown): CgroupError {
  const errno = errnoOf(cause);
  const gone = goneErrnos.has(errno);
  return new CgroupError({
    code: gone ? 'ERR_CGROUP_GONE' : 'ERR_CGROUP_IO',
    step: `${step} ${path.slice(path.lastIndexOf('/') + 1)}`,
    errno,
    text: `${step} "${path}": ${errno ?? String(cause)}${gone ? ' (no such cgroup, or it was removed)' : ''}`,
    cause,
  });
}

export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return error.code.startsWith('ERR_') ? undefined : error.code;
}
