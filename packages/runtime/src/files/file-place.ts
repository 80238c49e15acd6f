import { posix } from 'node:path';
import type { FileOwner } from '@hatchery/linux';
import { AccountNames } from '../users/account-names.ts';
import { lookupUser, type SandboxUser } from '../users/passwd.ts';

/** A root, and whose ids are in it. */
export interface Root {
  readonly rootFd: number;
  /** The host's number of the sandbox's user 0. */
  readonly firstId: number;
}

/** Where a call on files begins, and whose what it makes is. The user is looked up when something depends on it. */
export class FilePlace {
  readonly #root: Root;
  readonly #name: string;
  #user: SandboxUser | null = null;

  constructor(root: Root, user: string) {
    this.#root = root;
    this.#name = user;
  }

  /** The path from the root on; the kernel walks it, `..` and all. Throws ERR_USER_NOT_FOUND. */
  absolute(path: string): string {
    return path.startsWith('/') ? path : `${this.#found.home}/${path}`;
  }

  /** The same as one path, without the `..` of a relative one. Throws ERR_USER_NOT_FOUND, of an absolute one, too. */
  resolve(path: string): string {
    const { home } = this.#found;
    return path.startsWith('/') ? path : posix.join(home, path);
  }

  /** The names of all its ids, as they are now. */
  accounts(): AccountNames {
    return new AccountNames(this.#root.rootFd);
  }

  /** As the host sees them. Throws ERR_USER_NOT_FOUND. */
  get owner(): FileOwner {
    const { uid, gid } = this.#found;
    return { uid: this.#root.firstId + uid, gid: this.#root.firstId + gid };
  }

  get #found(): SandboxUser {
    this.#user ??= lookupUser(this.#root.rootFd, this.#name);
    return this.#user;
  }
}
