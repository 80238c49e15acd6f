import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ioError } from './read-file.ts';
import { ShimSigningError } from './shim-signing-error.ts';

const ownerOnly = 0o022;

/** A directory held open: what is done in it is done in this one, whatever its path comes to mean meanwhile. */
export class InstallDirectory implements AsyncDisposable {
  readonly path: string;
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /**
   * Opens a directory that only this user and root can write to, and makes it when it is not there. Throws
   * ERR_SHIM_PATH when a part of the path is a symbolic link, or the directory is somebody else's to change.
   */
  static async openOwn(path: string): Promise<InstallDirectory> {
    const directory = await InstallDirectory.open(await makeDirectory(resolve(path)));
    try {
      await directory.#requireOwn();
      return directory;
    } catch (error) {
      await directory.close();
      throw error;
    }
  }

  /** Opens a directory as it is. */
  static async open(path: string): Promise<InstallDirectory> {
    try {
      const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
      return new InstallDirectory(path, await open(path, flags));
    } catch (cause) {
      throw ioError('open the directory', path, cause);
    }
  }

  /** A path to what has this name in the directory, for this process only. */
  at(name: string): string {
    // Without /proc (macOS) there is no way to name it but the path, whose owners were checked.
    return process.platform === 'linux' ? `/proc/self/fd/${this.#handle.fd}/${name}` : join(this.path, name);
  }

  /** Makes renames in it outlast a power failure. */
  async sync(): Promise<void> {
    await this.#handle.sync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #requireOwn(): Promise<void> {
    const opened = await this.#handle.stat();
    const named = await lstat(this.path);
    // A link put into the path after it was walked leads elsewhere.
    const isThere = process.platform !== 'linux' || (await readlink(`/proc/self/fd/${this.#handle.fd}`)) === this.path;
    if (!isThere || opened.ino !== named.ino || opened.dev !== named.dev)
      throw unsafe(this.path, 'it was changed while it was opened');
    const user = process.geteuid?.() ?? 0;
    if (opened.uid !== 0 && opened.uid !== user)
      throw unsafe(this.path, `it belongs to user ${opened.uid}, not to root or user ${user}`);
    if ((opened.mode & ownerOnly) !== 0)
      throw unsafe(this.path, `others may write to it (mode ${(opened.mode & 0o7777).toString(8)})`);
  }
}

/** Walks the path from the root, makes what is missing, and refuses the first symbolic link. */
async function makeDirectory(path: string): Promise<string> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw ioError('look at', path, error);
  });
  const parent = dirname(path);
  if (parent !== path) await makeDirectory(parent);
  if (found?.isSymbolicLink()) throw unsafe(path, `it is a symbolic link to ${await readlink(path)}`);
  if (found === null) {
    await mkdir(path, 0o755).catch((error: NodeJS.ErrnoException) => {
      // Another installer was faster; what it made is looked at when it is opened.
      if (error.code !== 'EEXIST') throw ioError('make the directory', path, error);
    });
  }
  return path;
}

/** Nothing is installed at a place that somebody else decides about. */
export function unsafe(path: string, what: string): ShimSigningError {
  const text = `nothing is installed at ${path}: ${what}. Name a directory that only root or this user can change, without symbolic links in its path`;
  return new ShimSigningError({ code: 'ERR_SHIM_PATH', step: 'check the directory', file: path, text });
}
