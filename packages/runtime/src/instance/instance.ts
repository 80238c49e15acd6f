import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { HatcheryError } from '../errors.ts';
import { hasMarker } from '../network/marker.ts';
import { generateId } from '../spec/generate-id.ts';
import { quote } from '../spec/invalid.ts';
import { isFileAt, lockInstance } from './instance-lock.ts';
import { makeSearchable } from './make-searchable.ts';
import { writeAtomically } from './write-atomically.ts';

/** An instance whose lock this process holds. */
export interface LockedInstance {
  readonly name: string;
  /** Without a name of the caller's: nobody adopts its sandboxes, any sweep ends them once the owner is dead. */
  readonly isPrivate: boolean;
  readonly directory: string;
  /** Path of its cgroups below the hierarchies' roots. */
  readonly cgroupBase: string;
  /** Ids of the sandboxes that have a directory here. */
  sandboxIds(): string[];
  /** false: somebody has removed the directory, and another owner may have made it anew. */
  isOurs(): boolean;
  /** Gives the lock up; a private instance without sandboxes is removed first. Idempotent. */
  close(): void;
}

/** A set of sandboxes with one owner: a directory of live state under a lock. */
export interface Instance extends LockedInstance {
  /** Raised at each opening; an init refuses a runner with a lower one. */
  readonly epoch: bigint;
}

const privatePrefix = 'private-';

/**
 * Opens and locks an instance; null as name makes a private one.
 * Throws ERR_INSTANCE_LOCKED naming the owner when another process (or this one) has it open, ERR_SPEC_INVALID for a
 * name that is not one.
 */
export function openInstance(options: { runDirectory: string; name: string | null }): Instance {
  const instances = instancesDirectory(options.runDirectory);
  makeSearchable(instances);
  if (options.name !== null) {
    const directory = join(instances, checkName(options.name));
    const lock = lockInstance(directory, { create: true });
    if (lock.fd === null) throw lockedError(options.name, lock.heldBy);
    return raiseEpoch(holdInstance(options.name, directory, lock.fd));
  }
  // A sweeper may take the new directory between its mkdir and its lock; that name is then lost, not the open.
  for (;;) {
    const name = `${privatePrefix}${process.pid}-${generateId()}`;
    const directory = join(instances, name);
    const lock = lockInstance(directory, { create: true });
    if (lock.fd !== null) return raiseEpoch(holdInstance(name, directory, lock.fd));
  }
}

/**
 * Private instances whose owner is dead, each with its lock held by this process: sweep their sandboxes, then `close()`
 * each before the next. A live owner's instance, and one that another sweeper took first, is not among them; one that
 * cannot be looked at is told and passed over.
 */
export function* listAbandoned(
  runDirectory: string,
  onError: (error: unknown, name: string) => void,
): Generator<LockedInstance> {
  const instances = instancesDirectory(runDirectory);
  for (const name of listDirectory(instances)) {
    if (!name.startsWith(privatePrefix)) continue;
    const directory = join(instances, name);
    try {
      const lock = lockInstance(directory, { create: false });
      if (lock.fd !== null) yield holdInstance(name, directory, lock.fd);
    } catch (error) {
      onError(error, name);
    }
  }
}

/** Resolved, because leases name the directory: /var/run and /run must not look like two owners. */
function instancesDirectory(runDirectory: string): string {
  mkdirSync(runDirectory, { recursive: true, mode: 0o711 });
  return join(realpathSync(runDirectory), 'instances');
}

function holdInstance(name: string, directory: string, lockFd: number): LockedInstance {
  const sandboxes = join(directory, 'sandboxes');
  const isPrivate = name.startsWith(privatePrefix);
  let isOpen = true;
  return {
    name,
    isPrivate,
    directory,
    cgroupBase: `hatchery/${runDirectoryMark(dirname(directory))}${name}`,
    sandboxIds: () => listDirectory(sandboxes),
    isOurs: () => isOpen && isFileAt(lockFd, join(directory, 'lock')),
    close(): void {
      if (!isOpen) return;
      isOpen = false;
      try {
        // What the kernel still has of its network is found by the directory.
        const isEmpty = listDirectory(sandboxes).length === 0 && !hasMarker(directory);
        if (isPrivate && isEmpty) removeInstance(directory);
      } finally {
        closeSync(lockFd);
      }
    },
  };
}

/** Cgroups are machine-wide, names only within a run directory: two of them must not take each other's for their own. */
function runDirectoryMark(instances: string): string {
  if (instances === '/run/hatchery/instances') return '';
  return `run-${createHash('sha256').update(instances).digest('hex').slice(0, 8)}/`;
}

/** The lock goes last: until then the directory is whole enough for a later sweep to find it and go on. */
function removeInstance(directory: string): void {
  // An owner that died early has none, and rm would not remove an empty directory.
  rmSync(join(directory, 'sandboxes'), { force: true, recursive: true });
  for (const name of ['epoch.new', 'epoch', 'lock']) rmSync(join(directory, name), { force: true });
  try {
    rmdirSync(directory);
  } catch (error) {
    // A sweeper has made a new lock in it already, or removed it: the directory is its now.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'ENOENT') throw error;
  }
}

function raiseEpoch(held: LockedInstance): Instance {
  try {
    makeSearchable(join(held.directory, 'sandboxes'));
    const path = join(held.directory, 'epoch');
    const epoch = readEpoch(path) + 1n;
    writeAtomically(path, `${epoch}\n`);
    return { ...held, epoch };
  } catch (error) {
    held.close();
    throw error;
  }
}

function readEpoch(path: string): bigint {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0n;
    throw error;
  }
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  // Guessing a number here could let two runners drive the same sandboxes.
  const advice = 'end the sandboxes of this instance, then remove its directory';
  throw new HatcheryError('ERR_SANDBOX_LOST', `read of ${path}: ${quote(text)} is no epoch; ${advice}`);
}

function checkName(name: unknown): string {
  const isName = typeof name === 'string' && /^[a-z0-9][a-z0-9-]{0,62}$/.test(name);
  if (isName && !name.startsWith(privatePrefix)) return name;
  const expected = `1 to 63 of [a-z0-9-], not starting with - or ${privatePrefix}`;
  throw new HatcheryError('ERR_SPEC_INVALID', `instance is ${quote(name)}; it must be ${expected}`);
}

function lockedError(name: string, heldBy: number | null): HatcheryError {
  const owner = heldBy === null ? 'another process' : `process ${heldBy}`;
  const text = `open of instance ${name}: ${owner} has it open; close it there or choose another name`;
  return new HatcheryError('ERR_INSTANCE_LOCKED', text, { step: 'lock-instance' });
}

/** Empty when the directory is not there. */
function listDirectory(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
