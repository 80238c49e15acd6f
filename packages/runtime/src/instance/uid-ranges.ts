import { randomInt } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, readdirSync, readlinkSync, symlinkSync, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { HatcheryError } from '../errors.ts';

/** A range of user and group ids that one sandbox holds, alone on this machine. */
export interface Lease {
  /** First of 65,536 ids. */
  readonly firstId: number;
  readonly sandboxId: string;
  /** The link that is the lease. */
  readonly path: string;
  /** Gives the range back; call it when no process and no file of it is left. Idempotent. */
  release(): void;
}

/** Whose a lease is, so that a sweep finds those of a dead owner. */
export interface LeaseOwner {
  readonly instanceDirectory: string;
  readonly sandboxId: string;
}

/** Ids in one range. */
export const rangeSize = 65_536;
/** systemd's UIDS-GIDS page calls 0x70000000 to 0x7FFFFFFF unused. */
export const lowestId = 0x7000_0000;
const rangeCount = 4096;
/** Machine-wide, because two run directories share one kernel. */
const defaultDirectory = '/run/hatchery-ids';

// A random start in each process and next-fit from there: a freed range, which a file forgotten somewhere may still
// carry, is used again as late as possible.
let next = randomInt(rangeCount);

/** Directories that this process has made or checked. */
const prepared = new Set<string>();

/**
 * Leases a free range. Each lease is a symbolic link named after the first id and pointing to its owner's directory:
 * symlink(2) makes name and content in one step, so no crash leaves a lease without an owner.
 * Throws ERR_RESOURCES when all 4096 are taken.
 */
export function leaseRange(options: { owner: LeaseOwner; directory?: string }): Lease {
  const directory = options.directory ?? defaultDirectory;
  const { instanceDirectory, sandboxId } = options.owner;
  const target = join(instanceDirectory, 'sandboxes', sandboxId);
  if (!prepared.has(directory)) prepareDirectory(directory);
  let taken: Set<string> | null = null;
  for (let tried = 0; tried < rangeCount; tried++) {
    const firstId = lowestId + next * rangeSize;
    next = (next + 1) % rangeCount;
    if (taken?.has(linkName(firstId))) continue;
    if (makeLink(target, directory, linkName(firstId))) return leaseOf(directory, firstId, sandboxId);
    // One listing is cheaper than running into each neighbour; what others take meanwhile makeLink still notices.
    taken ??= new Set(readdirSync(directory));
  }
  const advice = `destroy sandboxes, or remove links there whose target does not exist`;
  throw new HatcheryError(
    'ERR_RESOURCES',
    `lease of an id range: all ${rangeCount} in ${directory} are taken; ${advice}`,
    {
      step: 'lease-ids',
    },
  );
}

/** The leases of one instance, for the sweep of a dead owner: hold the instance's lock. */
export function leasesOf(instanceDirectory: string, options: { directory?: string } = {}): Lease[] {
  const directory = options.directory ?? defaultDirectory;
  const leases: Lease[] = [];
  for (const name of listLinks(directory)) {
    const target = readTarget(join(directory, name));
    if (target === null || dirname(dirname(target)) !== instanceDirectory) continue;
    leases.push(leaseOf(directory, Number.parseInt(name, 16), basename(target)));
  }
  return leases;
}

function leaseOf(directory: string, firstId: number, sandboxId: string): Lease {
  let released = false;
  const path = join(directory, linkName(firstId));
  return {
    firstId,
    sandboxId,
    path,
    release(): void {
      // The range may be another sandbox's right after the first release.
      if (released) return;
      unlinkIfThere(path);
      released = true;
    },
  };
}

function linkName(firstId: number): string {
  return firstId.toString(16);
}

/** false: somebody holds it. */
function makeLink(target: string, directory: string, name: string): boolean {
  try {
    symlinkSync(target, join(directory, name));
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code !== 'ENOENT') throw leaseFailed(directory, error);
  }
  // Somebody cleared /run.
  prepareDirectory(directory);
  return makeLink(target, directory, name);
}

function prepareDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const { uid, mode } = lstatSync(directory);
    // Whoever owns it could take a range away from under a sandbox.
    if (uid !== process.geteuid?.()) throw new Error(`it belongs to user ${uid}`);
    // A umask only takes bits away, but an older directory may have more than the owner's.
    if ((mode & 0o777) !== 0o700) chmodSync(directory, 0o700);
    prepared.add(directory);
  } catch (error) {
    throw leaseFailed(directory, error);
  }
}

function leaseFailed(directory: string, cause: unknown): HatcheryError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const text = `lease of an id range in ${directory}: ${why}; run as root, with that directory writable`;
  return new HatcheryError('ERR_RESOURCES', text, { step: 'lease-ids', cause });
}

function listLinks(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => /^7[0-9a-f]{3}0000$/.test(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw leaseFailed(directory, error);
  }
}

/** null: released since the listing, or not a link of ours. */
function readTarget(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    // Somebody cleared /run; the range is free all the same.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
