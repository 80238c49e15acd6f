import type { ChrootEntry } from '@hatchery/blocking-io';
import type { FileEntry } from './types.ts';

export function fileEntryOf({ modifiedMs, ...entry }: ChrootEntry): FileEntry {
  const { name, path, type, size, mode, uid, gid, symlinkTarget } = entry;
  return { name, path, type, size, mode, uid, gid, modifiedAt: new Date(modifiedMs), symlinkTarget };
}
