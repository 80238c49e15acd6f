import { encodeFileName } from '@hatchery/linux';
import { ChrootError } from './chroot-error.ts';

/** A path inside a root: relative ones start there, too. Symlinks and `..` in it are for the kernel to walk. */
export class ChrootPath {
  /** As it is told: absolute, without empty parts, `.` and a slash at the end. */
  readonly shown: string;
  readonly parts: readonly string[];

  private constructor(parts: readonly string[]) {
    this.parts = parts;
    this.shown = `/${parts.join('/')}`;
  }

  /** @throws ChrootError `ERR_FILE_NAME` */
  static parse(path: string): ChrootPath {
    if (path === '') throw new ChrootError('ERR_FILE_NAME', path, 'an empty path names nothing; the root is "/"');
    try {
      encodeFileName(path);
    } catch (cause) {
      throw new ChrootError('ERR_FILE_NAME', path, (cause as Error).message, { cause });
    }
    return new ChrootPath(path.split('/').filter((part) => part !== '' && part !== '.'));
  }

  get isRoot(): boolean {
    return this.parts.length === 0;
  }

  /** For openat2(2), below the root's descriptor. */
  get bytes(): Buffer {
    return this.isRoot ? Buffer.from('.') : encodeFileName(this.parts.join('/'));
  }

  /** The last part; of the root `/`. */
  get name(): string {
    return this.parts.at(-1) ?? '/';
  }

  get parent(): ChrootPath {
    return new ChrootPath(this.parts.slice(0, -1));
  }

  /** The path of an entry of this directory. */
  child(name: string): ChrootPath {
    return new ChrootPath([...this.parts, name]);
  }

  /** The first `count` parts. */
  head(count: number): ChrootPath {
    return new ChrootPath(this.parts.slice(0, count));
  }

  /**
   * The last part as an entry of `parent`, for what is made, moved or removed.
   * @throws ChrootError `ERR_FILE_NAME`
   */
  get entryName(): Buffer {
    this.requireEntry();
    return encodeFileName(this.name);
  }

  /** @throws ChrootError `ERR_FILE_NAME` for what is no entry of a directory in the root. */
  requireEntry(): void {
    if (this.isRoot)
      throw new ChrootError('ERR_FILE_NAME', this.shown, 'the root itself can be neither made, moved nor removed');
    if (this.name === '..')
      throw new ChrootError('ERR_FILE_NAME', this.shown, 'a path that ends in ".." names no entry');
  }
}
