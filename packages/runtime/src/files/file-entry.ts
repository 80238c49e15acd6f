import type { ChrootEntry } from '@hatchery/blocking-io';
import type { AccountNames } from '../users/account-names.ts';
import type { FileDetails, FileEntry } from './types.ts';

/** @param accounts for the details of an entry that has them */
export function fileEntryOf({ modifiedMs, details, ...entry }: ChrootEntry, accounts?: AccountNames): FileEntry {
  const { name, path, type, size, mode, uid, gid, symlinkTarget } = entry;
  const told = { name, path, type, size, mode, uid, gid, modifiedAt: new Date(modifiedMs), symlinkTarget };
  if (details === undefined || accounts === undefined) return told;
  const { target, attributes, isRemote } = details;
  const inFull: FileDetails = {
    target: target === null ? null : { path: target.path, type: target.type, mode: target.mode },
    owner: accounts.user(uid),
    group: accounts.group(gid),
    attributes: { ...attributes },
    isRemote,
  };
  return { ...told, details: inFull };
}
