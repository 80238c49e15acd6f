import { constants } from 'node:os';
import { closeFd, type FileOwner, LinuxError } from '@hatchery/linux';

/** What a worker holds for one `Chroot`: the root's descriptor, the files that are being read or written, and the watches. */
export class HeldRoot {
  readonly fd: number;
  /** First id of the sandbox's range, null where ids are told as the host has them. */
  readonly firstId: number | null;
  readonly owner: FileOwner;
  readonly #files = new Map<number, number>();
  readonly #watches = new Map<number, { close(): void }>();
  #nextFile = 1;
  #nextWatch = 1;

  /** Owns `fd`. */
  constructor(fd: number, firstId: number | null, owner: FileOwner) {
    this.fd = fd;
    this.firstId = firstId;
    this.owner = owner;
  }

  /** Keeps an open file until `closeFile`, and with it the descriptor. */
  keepFile(fd: number): number {
    const file = this.#nextFile++;
    this.#files.set(file, fd);
    return file;
  }

  file(file: number): number {
    const fd = this.#files.get(file);
    if (fd === undefined) throw new LinuxError('read or write', constants.errno.EBADF, `file ${file}, which is closed`);
    return fd;
  }

  /** Idempotent. */
  closeFile(file: number): void {
    const fd = this.#files.get(file);
    this.#files.delete(file);
    if (fd !== undefined) closeFd(fd);
  }

  keepWatch(watch: { close(): void }): number {
    const number = this.#nextWatch++;
    this.#watches.set(number, watch);
    return number;
  }

  /** Idempotent. */
  closeWatch(number: number): void {
    const watch = this.#watches.get(number);
    this.#watches.delete(number);
    watch?.close();
  }

  close(): void {
    for (const watch of this.#watches.keys()) this.closeWatch(watch);
    for (const file of this.#files.keys()) this.closeFile(file);
    closeFd(this.fd);
  }
}
