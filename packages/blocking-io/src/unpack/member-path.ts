import { refused } from '../tar/archive-fault.ts';

/** What the kernel takes as one path, and as one name. */
const MAX_PATH_BYTES = 4095;
const MAX_NAME_BYTES = 255;
const SLASH = 0x2f;
const CURRENT = Buffer.from('.');
const PARENT = Buffer.from('..');

/** Where an entry of an archive belongs, below the directory that is unpacked into; bytes all the way. */
export class MemberPath {
  /** None for that directory itself. */
  readonly parts: readonly Buffer[];

  private constructor(parts: readonly Buffer[]) {
    this.parts = parts;
  }

  /** @throws ArchiveFault for a name that is absolute, leads up, is empty or too long */
  static parse(name: Buffer, what: string): MemberPath {
    if (name.length === 0) throw refused(`${what} is empty`);
    if (name[0] === SLASH) throw refused(`${what} is absolute`);
    if (name.length > MAX_PATH_BYTES) throw refused(`${what} is longer than ${MAX_PATH_BYTES} bytes`);
    const parts = split(name).filter((part) => part.length > 0 && !part.equals(CURRENT));
    if (parts.some((part) => part.equals(PARENT))) throw refused(`${what} has ".." in it`);
    if (parts.some((part) => part.length > MAX_NAME_BYTES))
      throw refused(`${what} has a part longer than ${MAX_NAME_BYTES} bytes`);
    return new MemberPath(parts);
  }

  /** For openat2(2), below the descriptor of that directory. */
  get bytes(): Buffer {
    const joined = this.parts.flatMap((part, index) => (index === 0 ? [part] : [Buffer.of(SLASH), part]));
    return joined.length === 0 ? CURRENT : Buffer.concat(joined);
  }

  get isRoot(): boolean {
    return this.parts.length === 0;
  }

  /** The last part; empty of that directory itself. */
  get name(): Buffer {
    return this.parts.at(-1) ?? Buffer.alloc(0);
  }

  get parent(): MemberPath {
    return this.head(this.parts.length - 1);
  }

  head(count: number): MemberPath {
    return new MemberPath(this.parts.slice(0, Math.max(0, count)));
  }

  child(name: Buffer): MemberPath {
    return new MemberPath([...this.parts, name]);
  }

  static readonly root: MemberPath = new MemberPath([]);

  equals(other: MemberPath): boolean {
    return this.parts.length === other.parts.length && this.contains(other);
  }

  /** Whether `other` is this or stands below it. */
  contains(other: MemberPath): boolean {
    return this.parts.every((part, index) => other.parts[index]?.equals(part) === true);
  }
}

function split(name: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let start = 0; start <= name.length; ) {
    const slash = name.indexOf(SLASH, start);
    const end = slash === -1 ? name.length : slash;
    parts.push(name.subarray(start, end));
    start = end + 1;
  }
  return parts;
}
