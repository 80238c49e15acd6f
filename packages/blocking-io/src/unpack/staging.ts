import { fchmodSync } from 'node:fs';
import { type FileOwner, makeDirectoryAs } from '@hatchery/linux';
import { asLinuxError } from '../chroot/file-bytes.ts';
import type { OpenFd } from '../chroot/open-fd.ts';
import { quoteName } from '../tar/tar-entry.ts';
import { MemberPath } from './member-path.ts';
import { hasCode, openDirectoryBelow } from './strict-open.ts';

const PRIVATE_MODE = 0o700;
const IMPLIED_MODE = 0o755;

/**
 * The hidden directory that an archive is unpacked into first, in the directory where its entries belong and so on the
 * same mount. Whoever lives in the root sees it and may swap what is in it: every way is walked anew from its descriptor.
 */
export class Staging implements Disposable {
  readonly #root: OpenFd;
  readonly #owner: FileOwner;
  /** Where the last entry went; most go to the same place. */
  #parent: { readonly path: MemberPath; readonly opened: OpenFd } | null = null;

  constructor(destination: number, name: string, owner: FileOwner) {
    const bytes = Buffer.from(name);
    makeDirectoryAs(owner, destination, bytes, PRIVATE_MODE);
    // Exactly this: a set-group-id bit that the destination hands on would go on to everything in here.
    setDirectoryMode(destination, bytes, PRIVATE_MODE);
    this.#root = openDirectoryBelow(destination, MemberPath.root.child(bytes), 'names');
    this.#owner = owner;
  }

  get fd(): number {
    return this.#root.fd;
  }

  /**
   * The directory in which an entry is made, which stays open until the next is asked for. What is missing of it is made;
   * `onMade` is told how many.
   */
  parentOf(path: MemberPath, onMade: (count: number) => void): number {
    const { parent } = path;
    if (this.#parent?.path.equals(parent) === true) return this.#parent.opened.fd;
    this.leaveParent();
    const { opened, made } = this.#openOrMake(parent);
    this.#parent = { path: parent, opened };
    onMade(made);
    return opened.fd;
  }

  leaveParent(): void {
    this.#parent?.opened[Symbol.dispose]();
    this.#parent = null;
  }

  [Symbol.dispose](): void {
    this.leaveParent();
    this.#root[Symbol.dispose]();
  }

  #openOrMake(path: MemberPath): { readonly opened: OpenFd; readonly made: number } {
    try {
      return { opened: openDirectoryBelow(this.fd, path, 'path'), made: 0 };
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
    let made = 0;
    let opened = openDirectoryBelow(this.fd, MemberPath.root, 'path');
    for (const part of path.parts) {
      using above = opened;
      if (makeMissing(above.fd, part, this.#owner)) made += 1;
      opened = openDirectoryBelow(above.fd, MemberPath.root.child(part), 'path');
    }
    return { opened, made };
  }
}

function makeMissing(parentFd: number, name: Buffer, owner: FileOwner): boolean {
  try {
    makeDirectoryAs(owner, parentFd, name, IMPLIED_MODE);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
  setDirectoryMode(parentFd, name, IMPLIED_MODE);
  return true;
}

/** Not by the name: the umask of the process has no business here, and a symlink that took the place of it even less. */
export function setDirectoryMode(parentFd: number, name: Buffer, mode: number): void {
  using opened = openDirectoryBelow(parentFd, MemberPath.root.child(name), 'names');
  asLinuxError('fchmod', quoteName(name), () => fchmodSync(opened.fd, mode));
}
