import {
  decodeFileName,
  encodeFileName,
  getAttribute,
  LinuxError,
  listAttributes,
  OpenFlag,
  removeAttribute,
  setAttribute,
} from '@hatchery/linux';
import { ChrootError } from './chroot-error.ts';
import { ChrootPath } from './chroot-path.ts';
import type { HeldRoot } from './held-root.ts';
import type { OpenFd } from './open-fd.ts';
import { openChecked } from './walk.ts';

/** Anything else is the kernel's (`security.`, `system.`) or the host's (`trusted.`). */
export const USER_ATTRIBUTE = 'user.';

/** A file on tmpfs or xfs may have hundreds of megabytes of them. */
const MAX_BYTES = 2 ** 20;

/** The attributes `user.*` of a file or directory. Throws ChrootError ERR_FILE_TOO_LARGE beyond 1 MiB of them. */
export function attributes(root: HeldRoot, request: { readonly path: string }): Map<string, Uint8Array> {
  using file = pinFile(root, request.path);
  const found = new Map<string, Uint8Array>();
  let bytes = 0;
  for (const name of listAttributes(file.fd)) {
    if (!name.toString('latin1').startsWith(USER_ATTRIBUTE)) continue;
    const value = orNull(() => getAttribute(file.fd, name));
    if (value === null) continue;
    bytes += value.length;
    if (bytes > MAX_BYTES)
      throw new ChrootError(
        'ERR_FILE_TOO_LARGE',
        request.path,
        `its attributes are over ${MAX_BYTES} bytes; remove some`,
      );
    found.set(decodeFileName(name), new Uint8Array(value));
  }
  return found;
}

export interface SetAttributeRequest {
  readonly path: string;
  readonly name: string;
  /** Null removes it. */
  readonly value: Uint8Array | null;
}

export function setOneAttribute(root: HeldRoot, { path, name, value }: SetAttributeRequest): void {
  using file = pinFile(root, path);
  if (value === null) orNull(() => removeAttribute(file.fd, encodeFileName(name)));
  else setAttribute(file.fd, encodeFileName(name), value);
}

function pinFile(root: HeldRoot, path: string): OpenFd {
  return openChecked(root, ChrootPath.parse(path), OpenFlag.O_PATH);
}

/** Removed meanwhile, or never there. */
function orNull<T>(act: () => T): T | null {
  try {
    return act();
  } catch (error) {
    if (error instanceof LinuxError && error.code === 'ENODATA') return null;
    throw error;
  }
}
