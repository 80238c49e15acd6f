import { fstatSync } from 'node:fs';

/** The regular files that one unpack made, by their inodes: a hard link is given to nothing else. */
export class MadeFiles {
  readonly #inodes = new Set<bigint>();

  add(fd: number): void {
    this.#inodes.add(fstatSync(fd, { bigint: true }).ino);
  }

  /** One name of a file goes: with the last one the inode may be somebody else's. */
  unlink(fd: number): void {
    const { ino, nlink } = fstatSync(fd, { bigint: true });
    if (nlink === 1n) this.#inodes.delete(ino);
  }

  has(fd: number): boolean {
    const facts = fstatSync(fd, { bigint: true });
    return facts.isFile() && this.#inodes.has(facts.ino);
  }
}
