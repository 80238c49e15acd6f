export type TarEntryType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'character-device' | 'block-device' | 'fifo';

/** An extended attribute. Both are bytes: a file capability is no text, and no text decoder gives it back. */
export interface TarAttribute {
  readonly name: Buffer;
  readonly value: Buffer;
}

/** One member of an archive, as its headers tell it. Names are bytes, as the kernel has them, without a trailing slash. */
export interface TarEntry {
  readonly name: Buffer;
  readonly type: TarEntryType;
  /** Bytes of content that follow; 0 for whatever is no file. */
  readonly size: number;
  /** The twelve bits of permissions. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since 1970. */
  readonly modifiedNs: bigint;
  /** Of a symlink its text, of a hard link the name of another entry; empty otherwise. */
  readonly linkTarget: Buffer;
  readonly attributes: readonly TarAttribute[];
}

/** One that was read. */
export interface TarEntryRead extends TarEntry {
  /** Where its header begins in the archive. */
  readonly offset: number;
}

/** A name for people: quoted, with escapes for what is no printable text, and cut. */
export function quoteName(name: Buffer): string {
  const text = JSON.stringify(name.subarray(0, 200).toString());
  return name.length > 200 ? `${text} and ${name.length - 200} bytes more` : text;
}
