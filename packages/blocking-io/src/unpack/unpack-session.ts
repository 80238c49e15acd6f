import { closeFd, duplicateFd, type FileOwner, OpenFlag, releaseFd } from '@hatchery/linux';
import { ChrootPath } from '../chroot/chroot-path.ts';
import type { HeldRoot } from '../chroot/held-root.ts';
import { openChecked } from '../chroot/walk.ts';
import { MovingIn } from './moving-in.ts';
import { Staging } from './staging.ts';
import { telling } from './telling.ts';
import type { CompiledLimits } from './unpack-limits.ts';
import type { UnpackResult } from './unpack-methods.ts';
import { Unpacking } from './unpacking.ts';

export interface OpenedUnpack {
  readonly unpack: number;
  /** A descriptor of the directory that is unpacked into, which the caller closes: also when this thread is lost. */
  readonly destination: number;
}

export interface StageUnpack {
  readonly unpack: number;
  /** Of the hidden directory. */
  readonly name: string;
  /** Of everything; null: as the archive has it, within the sandbox's range. */
  readonly owner: FileOwner | null;
  readonly limits: CompiledLimits;
  /** Files of more bytes are left to somebody else to write. */
  readonly writesUpTo: number;
}

/** Ids that a sandbox has. */
const RANGE = 65_536;

/** One archive on its way into a root. */
export class UnpackSession {
  readonly #root: HeldRoot;
  readonly #destinationFd: number;
  #staged: { readonly staging: Staging; readonly unpacking: Unpacking; readonly maker: FileOwner } | null = null;
  #moving: MovingIn | null = null;

  private constructor(root: HeldRoot, destinationFd: number) {
    this.#root = root;
    this.#destinationFd = destinationFd;
  }

  static open(root: HeldRoot, path: string): { readonly session: UnpackSession; readonly destination: number } {
    using opened = openChecked(root, ChrootPath.parse(path), OpenFlag.O_PATH | OpenFlag.O_DIRECTORY);
    const destination = releaseFd(duplicateFd(opened.fd));
    return { session: new UnpackSession(root, duplicateFd(opened.fd)), destination };
  }

  stage({ name, owner, limits, writesUpTo }: StageUnpack): void {
    const maker = owner ?? ownerInside(this.#root, 0, 0) ?? this.#root.owner;
    // Whoever lives in the root may have put something else in its place at once.
    const staging = telling(null, 0, () => new Staging(this.#destinationFd, name, maker));
    const ownerOf = (uid: number, gid: number): FileOwner | null => owner ?? ownerInside(this.#root, uid, gid);
    this.#staged = { staging, unpacking: new Unpacking(staging, { limits, ownerOf, writesUpTo }), maker };
  }

  get unpacking(): Unpacking {
    if (this.#staged === null) throw new Error('the unpack is not staged');
    return this.#staged.unpacking;
  }

  /** Null: not all is moved yet. */
  moveIn(): UnpackResult | null {
    if (this.#staged === null) throw new Error('the unpack is not staged');
    const { staging, unpacking, maker } = this.#staged;
    if (this.#moving === null) {
      unpacking.end();
      this.#moving = new MovingIn(staging.fd, this.#destinationFd, maker);
    }
    const moving = this.#moving;
    return telling(null, 0, () => moving.step()) ? { entries: unpacking.entries, bytes: unpacking.bytes } : null;
  }

  close(): void {
    this.#moving?.close();
    this.#staged?.unpacking[Symbol.dispose]();
    closeFd(this.#destinationFd);
  }
}

/**
 * By the ids that the archive has, null for those that no sandbox has. Where a chroot has no range, what is made is its
 * owner's.
 */
function ownerInside({ firstId, owner }: HeldRoot, uid: number, gid: number): FileOwner | null {
  if (firstId === null) return owner;
  return uid < RANGE && gid < RANGE ? { uid: firstId + uid, gid: firstId + gid } : null;
}
