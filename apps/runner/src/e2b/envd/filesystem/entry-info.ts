import { posix } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { FileDetails, FileEntry } from '@hatchery/runtime';
import { type EntryInfo, EntryInfoSchema, FileType } from '../protocol/filesystem.generated.ts';
import { metadataOf, metadataPrefix } from './metadata.ts';
import { modeText } from './mode-text.ts';

/** What a call on files must ask for so that `entryInfoOf()` has it. */
export const withDetails: { readonly details: string } = { details: metadataPrefix };

const types: Readonly<Record<FileEntry['type'], FileType>> = {
  file: FileType.FILE,
  directory: FileType.DIRECTORY,
  // One that leads nowhere: clients leave out of a list what has no type.
  symlink: FileType.SYMLINK,
  other: FileType.UNSPECIFIED,
};

/**
 * An entry as clients see it: type and mode are those of what a symlink leads to, everything else is its own. Of a name whose
 * bytes are no UTF-8 they get U+FFFD, as theirs refuse a whole answer in which there is anything else.
 */
export function entryInfoOf(entry: FileEntry): EntryInfo {
  const { name, path, type, size, modifiedAt } = entry;
  const { target, owner, group, attributes } = detailsOf(entry);
  const symlinkTarget = symlinkTargetOf(entry, target);
  const isDangling = type === 'symlink' && target === null;
  return create(EntryInfoSchema, {
    name: name.toWellFormed(),
    path: path.toWellFormed(),
    type: types[target?.type ?? type],
    size: BigInt(size),
    mode: isDangling ? 0 : (target ?? entry).mode & 0o777,
    permissions: modeText(entry),
    owner,
    group,
    modifiedTime: timestampFromDate(modifiedAt),
    metadata: metadataOf(attributes),
    ...(symlinkTarget === null ? {} : { symlinkTarget: symlinkTarget.toWellFormed() }),
  });
}

/** What an entry is to who follows it: null of a symlink that leads nowhere. */
export function followedType(entry: FileEntry): FileEntry['type'] | null {
  if (entry.type !== 'symlink') return entry.type;
  return detailsOf(entry).target?.type ?? null;
}

/** Throws for an entry that was asked for without them, which is a fault here. */
export function detailsOf({ path, details }: FileEntry): FileDetails {
  if (details === undefined) throw new Error(`${JSON.stringify(path)} was looked at without details`);
  return details;
}

/** Absolute; of a symlink that leads nowhere, where it points. */
function symlinkTargetOf({ path, symlinkTarget }: FileEntry, target: FileDetails['target']): string | null {
  if (target !== null) return target.path;
  return symlinkTarget === null ? null : posix.resolve(posix.dirname(path), symlinkTarget);
}
