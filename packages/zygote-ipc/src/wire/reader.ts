import { isUtf8 } from 'node:buffer';
import type { MessageName } from './codec.generated.ts';
import { maxListedTextBytes, maxMessageBytes } from './messages.ts';
import { WireError, type WireErrorCode } from './wire-error.ts';

/** Tag (u16), version (u16), length (u32), request (u32). */
export const headerBytes = 12;

/** Takes the fields of one message off its bytes, and its descriptors, in order; every take checks what it takes. */
export class WireReader {
  readonly tag: number;
  readonly request: number;
  /** Of the connection. */
  readonly version: number;
  /** Set by the decoder once the tag is known, for error texts. */
  message: MessageName | null = null;
  readonly #data: Buffer;
  readonly #fds: readonly number[];
  #at = headerBytes;
  #nextFd = 0;

  constructor(data: Buffer, fds: readonly number[], expectedVersion: number) {
    this.#data = data;
    this.#fds = fds;
    this.version = expectedVersion;
    if (data.length > maxMessageBytes) {
      this.fail('ERR_WIRE_TOO_LARGE', `message of ${data.length} bytes, limit ${maxMessageBytes}`);
    }
    if (data.length < headerBytes) {
      this.fail('ERR_WIRE_TRUNCATED', `${data.length} bytes, the header alone has ${headerBytes}`);
    }
    this.tag = data.readUInt16LE(0);
    const version = data.readUInt16LE(2);
    if (version !== expectedVersion)
      this.fail('ERR_WIRE_VERSION', `wire version ${version}, mine is ${expectedVersion}`);
    this.request = data.readUInt32LE(8);
  }

  /** Called once the tag is known: an unknown tag is the better answer when both are wrong. */
  checkLength(): void {
    const stated = this.#data.readUInt32LE(4);
    if (stated !== this.#data.length) {
      this.fail('ERR_WIRE_LENGTH', `length field ${stated} but ${this.#data.length} bytes came`);
    }
  }

  fail(code: WireErrorCode, seen: string): never {
    throw new WireError(code, 'decode', this.message, seen);
  }

  #take(field: string, size: number): number {
    const at = this.#at;
    const left = this.#data.length - at;
    if (size > left) this.fail('ERR_WIRE_TRUNCATED', `field ${field}: ${size} bytes needed, ${left} left`);
    this.#at = at + size;
    return at;
  }

  u8(field: string): number {
    return this.#data.readUInt8(this.#take(field, 1));
  }

  u16(field: string): number {
    return this.#data.readUInt16LE(this.#take(field, 2));
  }

  u32(field: string): number {
    return this.#data.readUInt32LE(this.#take(field, 4));
  }

  i32(field: string): number {
    return this.#data.readInt32LE(this.#take(field, 4));
  }

  u64(field: string): number {
    const at = this.#take(field, 8);
    const high = this.#data.readUInt32LE(at + 4);
    if (high > 0x1f_ffff)
      this.fail('ERR_WIRE_VALUE', `field ${field}: ${this.#data.readBigUInt64LE(at)} is over 2^53-1`);
    return high * 0x1_0000_0000 + this.#data.readUInt32LE(at);
  }

  bool(field: string): boolean {
    const value = this.u8(field);
    if (value > 1) this.fail('ERR_WIRE_VALUE', `field ${field}: a bool of value ${value}`);
    return value === 1;
  }

  // The limit is looked at before the bytes, so that a giant number is told as what it is.
  #size(field: string, unit: 'bytes' | 'entries', max: number): number {
    const size = this.u32(field);
    if (size > max) this.fail('ERR_WIRE_LIMIT', `field ${field}: ${size} ${unit}, limit ${max}`);
    return size;
  }

  text(field: string, max: number): string {
    const size = this.#size(field, 'bytes', max);
    const at = this.#take(field, size + 1);
    const bytes = this.#data.subarray(at, at + size);
    if (bytes.includes(0)) this.fail('ERR_WIRE_VALUE', `field ${field}: NUL at byte ${bytes.indexOf(0)}`);
    if (!isUtf8(bytes)) this.fail('ERR_WIRE_VALUE', `field ${field}: not UTF-8`);
    if (this.#data.readUInt8(at + size) !== 0)
      this.fail('ERR_WIRE_VALUE', `field ${field}: no NUL after ${size} bytes`);
    return bytes.toString('utf8');
  }

  /** A copy: a receive buffer may be used again. */
  bytes(field: string, max: number): Uint8Array {
    const size = this.#size(field, 'bytes', max);
    const at = this.#take(field, size);
    return new Uint8Array(this.#data.subarray(at, at + size));
  }

  u32s(field: string, max: number): number[] {
    const entries: number[] = [];
    for (let left = this.#size(field, 'entries', max); left > 0; left--) entries.push(this.u32(field));
    return entries;
  }

  texts(field: string, max: number): string[] {
    const entries: string[] = [];
    for (let left = this.#size(field, 'entries', max); left > 0; left--)
      entries.push(this.text(field, maxListedTextBytes));
    return entries;
  }

  /** Which of `count` optional descriptors are there; a bit beyond them is refused, it would be a later version's. */
  mask(count: number): number {
    const mask = this.u8('optional descriptors');
    if (mask >> count !== 0) this.fail('ERR_WIRE_VALUE', `descriptor mask ${mask} where ${count} are optional`);
    return mask;
  }

  listed(name: string, max: number): number {
    const count = this.u8(name);
    if (count > max) this.fail('ERR_WIRE_LIMIT', `descriptors ${name}: ${count} in the list, limit ${max}`);
    return count;
  }

  expectDescriptors(fixed: number, mask: number, listed: number): void {
    let expected = fixed + listed;
    for (let bits = mask; bits !== 0; bits >>= 1) expected += bits & 1;
    if (this.#fds.length !== expected) {
      this.fail('ERR_WIRE_DESCRIPTORS', `${this.#fds.length} descriptors, expected ${expected}`);
    }
  }

  descriptor(): number {
    const fd = this.#fds[this.#nextFd++];
    if (fd === undefined) this.fail('ERR_WIRE_DESCRIPTORS', `only ${this.#fds.length} descriptors`);
    return fd;
  }

  optionalDescriptor(mask: number, bit: number): number | null {
    return (mask & bit) === 0 ? null : this.descriptor();
  }

  descriptors(count: number): number[] {
    return Array.from({ length: count }, () => this.descriptor());
  }

  end(): void {
    const left = this.#data.length - this.#at;
    if (left > 0) this.fail('ERR_WIRE_TRAILING', `${left} bytes after the last field`);
  }
}
