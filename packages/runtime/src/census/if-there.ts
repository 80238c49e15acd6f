import { type Dirent, lstatSync, type PathLike, type Stats } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { HatcheryError } from '../errors.ts';

/** ENODEV: a cgroup that was removed behind an open file; ESRCH: a process that ended behind an open directory of /proc. */
const goneCodes: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENODEV', 'ESRCH']);

/** What is gone was not left behind; what cannot be read is never taken for gone. */
export function readIfThere(path: string): Promise<string | null> {
  return ifThere('read', path, () => readFile(path, 'latin1'));
}

export function listIfThere(path: string): Promise<Dirent[] | null> {
  return ifThere('list', path, () => readdir(path, { withFileTypes: true }));
}

/** Of a link, the link. */
export function lookIfThere(path: string): Promise<Stats | null> {
  return ifThere('look at', path, () => lstat(path));
}

export function linkIfThere(path: string): Promise<string | null> {
  return ifThere('read the link', path, () => readlink(path));
}

/** At this very moment, with nothing else happening on this thread between the answer and what is made of it. */
export function isThereNow(path: PathLike): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    return !isGone(error);
  }
}

export function isGone(error: unknown): boolean {
  return goneCodes.has((error as NodeJS.ErrnoException).code);
}

async function ifThere<T>(act: string, path: string, call: () => Promise<T>): Promise<T | null> {
  try {
    return await call();
  } catch (error) {
    if (isGone(error)) return null;
    throw unreadable(`${act} ${path}`, error);
  }
}

export function unreadable(what: string, cause: unknown): HatcheryError {
  const happened = cause instanceof Error ? cause.message : String(cause);
  const text = `census: ${what}: ${happened}; nothing is taken for empty that could not be read`;
  return new HatcheryError('ERR_CENSUS', text, { step: what, cause });
}
