import { LinuxError, OpenFlag, openat2, Resolve } from '@hatchery/linux';
import { OpenFd } from '../chroot/open-fd.ts';
import { refused } from '../tar/archive-fault.ts';
import type { MemberPath } from './member-path.ts';

/** No symlink, whoever made it, no way up, and no mount: what lies behind one is no part of what is unpacked into. */
export const STRICT: number = Resolve.inRoot | Resolve.noSymlinks | Resolve.noMagicLinks | Resolve.noXdev;

const DIRECTORY = OpenFlag.O_DIRECTORY | OpenFlag.O_NOFOLLOW;

/** @throws ArchiveFault when the way is none of directories alone; LinuxError ENOENT */
export function openDirectoryBelow(directoryFd: number, path: MemberPath, access: 'names' | 'path'): OpenFd {
  const flags = DIRECTORY | (access === 'names' ? OpenFlag.O_RDONLY | OpenFlag.O_NONBLOCK : OpenFlag.O_PATH);
  try {
    return new OpenFd(openat2(directoryFd, path.bytes, { flags, resolve: STRICT }));
  } catch (error) {
    throw hasCode(error, 'ELOOP', 'ENOTDIR') ? refused('its way leads through what is no directory') : crossing(error);
  }
}

/** Holds on to an entry, whatever it is. Throws likewise. */
export function holdBelow(directoryFd: number, path: MemberPath): OpenFd {
  const flags = OpenFlag.O_PATH | OpenFlag.O_NOFOLLOW;
  try {
    return new OpenFd(openat2(directoryFd, path.bytes, { flags, resolve: STRICT }));
  } catch (error) {
    throw hasCode(error, 'ELOOP', 'ENOTDIR') ? refused('its way leads through what is no directory') : crossing(error);
  }
}

function crossing(error: unknown): unknown {
  return hasCode(error, 'EXDEV') ? refused('its way leads into a mount') : error;
}

export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof LinuxError && codes.includes(error.code);
}
