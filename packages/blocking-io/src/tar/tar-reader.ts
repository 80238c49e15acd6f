import { ArchiveError } from './archive-error.ts';
import { ArchiveFault, invalid } from './archive-fault.ts';
import { PendingMetadata } from './pending-metadata.ts';
import { quoteName, type TarEntryRead, type TarEntryType } from './tar-entry.ts';
import { readHeader, type TarHeader, type TarMetadataKind } from './tar-header.ts';
import { BLOCK_BYTES, paddingAfter } from './tar-layout.ts';

/** The longest name, PAX header or set of attributes that is kept in memory. */
const MAX_METADATA_BYTES = 2 ** 20;
/** Writers fill up to a record of their own size after the end; nobody needs more than this. */
const MAX_TRAILING_BYTES = 2 ** 20;

export type TarEvent =
  | { readonly type: 'entry'; readonly entry: TarEntryRead }
  /** Some of the content of the entry before: a view of what was pushed. */
  | { readonly type: 'content'; readonly bytes: Buffer };

/** What is read next. */
type Place = 'header' | 'metadata' | 'content' | 'padding' | 'second-zeros' | 'trailing';

/**
 * Reads a tar archive as it comes in: v7, ustar, GNU's long names and numbers, and PAX, whose values stay bytes. Holds no
 * more than one header's worth of it. Where readers of tar differ from one another, it refuses.
 *
 * `push` bytes, then call `next` until it returns null; `end` when there is no more. `next` and `end` throw
 * `ArchiveError`, and the same one again from then on.
 */
export class TarReader {
  /** Bytes of the archive that are read. */
  offset = 0;
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;
  #place: Place = 'header';
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  /** What is being collected: a header in `#block`, or metadata. */
  #target: Buffer = this.#block;
  #filled = 0;
  /** Of the content or the padding. */
  #remaining = 0;
  #padding = 0;
  #metadataKind: TarMetadataKind = 'pax';
  readonly #metadata = new PendingMetadata();
  #headerOffset = 0;
  #name: Buffer | null = null;
  #failure: ArchiveError | null = null;

  /** What was pushed before must have been read to its end. */
  push(bytes: Uint8Array): void {
    this.#chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = 0;
  }

  /** What comes next in the archive, or null when more of it is needed. */
  next(): TarEvent | null {
    return this.#guard(() => {
      while (this.#at < this.#chunk.length) {
        const event = this.#step();
        if (event !== null) return event;
      }
      return null;
    });
  }

  /** Of what was pushed last, how much is read. */
  get consumed(): number {
    return this.#at;
  }

  /** Right after an entry: so much of its content comes by another way, and what is pushed next is what stands behind that. */
  leaveContent(bytes: number): void {
    this.offset += bytes;
    this.#remaining -= bytes;
    if (this.#remaining === 0) this.#endContent();
  }

  /** To be called when nothing is left to push. */
  end(): void {
    this.#guard(() => {
      if (this.#place !== 'second-zeros' && this.#place !== 'trailing')
        throw invalid('the archive ends before its end');
      // A lone block of zeros at the very end is how some writers end; part of a block is a cut.
      if (this.#filled > 0) throw invalid('the archive ends in the middle of a block');
    });
  }

  #step(): TarEvent | null {
    if (this.#place === 'content') return this.#content();
    if (this.#place === 'padding') this.#passPadding();
    else if (this.#place === 'trailing') this.#passTrailing();
    else if (this.#collect()) return this.#collected();
    return null;
  }

  #content(): TarEvent {
    const bytes = this.#take(this.#remaining);
    if (this.#remaining === 0) this.#endContent();
    return { type: 'content', bytes };
  }

  /** The padding may be empty; the next header begins only with its first byte, and errors until then tell of this one. */
  #endContent(): void {
    this.#remaining = this.#padding;
    this.#place = 'padding';
  }

  #passPadding(): void {
    this.#take(this.#remaining);
    if (this.#remaining === 0) this.#startBlock('header');
  }

  #startBlock(place: 'header' | 'second-zeros'): void {
    this.#place = place;
    this.#target = this.#block;
    this.#filled = 0;
    this.#headerOffset = this.offset;
    this.#name = null;
  }

  /** A view of up to so many bytes. */
  #take(most: number): Buffer {
    const bytes = this.#chunk.subarray(this.#at, Math.min(this.#chunk.length, this.#at + most));
    this.#at += bytes.length;
    this.offset += bytes.length;
    this.#remaining -= bytes.length;
    return bytes;
  }

  #collect(): boolean {
    const bytes = this.#take(this.#target.length - this.#filled);
    bytes.copy(this.#target, this.#filled);
    this.#filled += bytes.length;
    return this.#filled === this.#target.length;
  }

  #collected(): TarEvent | null {
    if (this.#place === 'metadata') {
      this.#metadata.add(this.#metadataKind, this.#target);
      this.#endContent();
      return null;
    }
    const header = readHeader(this.#block);
    if (this.#place === 'second-zeros') return this.#endMarker(header);
    if (header === null) {
      if (this.#metadata.waiting) throw invalid('the archive ends after a header that belongs to an entry');
      this.#startBlock('second-zeros');
      return null;
    }
    this.#name = header.name;
    if (header.size < 0) throw invalid('its size is below 0');
    return isMetadata(header.kind) ? this.#startMetadata(header.kind, header.size) : this.#entry(header, header.kind);
  }

  #endMarker(header: TarHeader | null): null {
    if (header !== null) throw invalid('something stands behind the end of the archive');
    this.#place = 'trailing';
    this.#filled = 0;
    this.#remaining = MAX_TRAILING_BYTES;
    return null;
  }

  #passTrailing(): void {
    const bytes = this.#take(this.#remaining);
    if (bytes.some((byte) => byte !== 0)) throw invalid('something stands behind the end of the archive');
    if (this.#remaining === 0) throw invalid(`more than ${MAX_TRAILING_BYTES} bytes behind the end of the archive`);
  }

  #startMetadata(kind: TarMetadataKind, size: number): null {
    if (size === 0) throw invalid(`an empty ${kind} header`);
    if (size > MAX_METADATA_BYTES)
      throw new ArchiveFault('ERR_ARCHIVE_LIMIT', `a ${kind} header of ${size} bytes, over ${MAX_METADATA_BYTES}`);
    this.#place = 'metadata';
    this.#metadataKind = kind;
    this.#target = Buffer.alloc(size);
    this.#filled = 0;
    this.#padding = paddingAfter(size);
    return null;
  }

  #entry(header: TarHeader, type: TarEntryType): TarEvent {
    const fields = this.#metadata.take(header);
    this.#name = fields.name;
    // Before there was a type for directories, the slash made one.
    const isDirectory = type === 'file' && fields.name.at(-1) === SLASH;
    const entry: TarEntryRead = {
      ...fields,
      type: isDirectory ? 'directory' : type,
      name: withoutSlash(fields.name),
      offset: this.#headerOffset,
    };
    check(entry);
    this.#remaining = entry.size;
    this.#padding = paddingAfter(entry.size);
    this.#place = 'content';
    if (entry.size === 0) this.#endContent();
    return { type: 'entry', entry };
  }

  #guard<T>(work: () => T): T {
    if (this.#failure !== null) throw this.#failure;
    try {
      return work();
    } catch (error) {
      if (!(error instanceof ArchiveFault)) throw error;
      const entry = this.#name === null ? null : quoteName(this.#name);
      this.#failure = new ArchiveError({ code: error.code, text: error.message, entry, offset: this.#headerOffset });
      throw this.#failure;
    }
  }
}

function isMetadata(kind: TarHeader['kind']): kind is TarMetadataKind {
  return kind === 'pax' || kind === 'pax-global' || kind === 'long-name' || kind === 'long-link';
}

function check(entry: TarEntryRead): void {
  if (entry.size < 0) throw invalid('its size is below 0');
  // Whether content follows such an entry is answered by each reader in another way.
  if (entry.size > 0 && entry.type !== 'file') throw invalid(`a ${entry.type} with a content of ${entry.size} bytes`);
  if (entry.name.includes(0) || entry.linkTarget.includes(0)) throw invalid('its name or target has a NUL byte in it');
  if (entry.uid < 0 || entry.gid < 0) throw invalid('its owner is below 0');
}

const SLASH = 0x2f;

function withoutSlash(name: Buffer): Buffer {
  let end = name.length;
  while (end > 1 && name[end - 1] === SLASH) end -= 1;
  return name.subarray(0, end);
}
