// Sizes, checks and puts that the generated encoders are made of. A size function checks its field's limit, so that
// everything is refused before a byte is written.
import type { MessageName } from './codec.generated.ts';
import { maxListedTextBytes, maxMessageBytes } from './messages.ts';
import { headerBytes } from './reader.ts';
import { WireError, type WireErrorCode } from './wire-error.ts';

function refuse(code: WireErrorCode, message: MessageName, seen: string): never {
  throw new WireError(code, 'encode', message, seen);
}

export function textSize(message: MessageName, field: string, value: string, max: number): number {
  const size = Buffer.byteLength(value, 'utf8');
  if (size > max) refuse('ERR_WIRE_LIMIT', message, `field ${field}: ${size} bytes, limit ${max}`);
  if (value.includes('\0')) refuse('ERR_WIRE_VALUE', message, `field ${field}: NUL at ${value.indexOf('\0')}`);
  if (!value.isWellFormed()) refuse('ERR_WIRE_VALUE', message, `field ${field}: a lone surrogate, which is no UTF-8`);
  return 4 + size + 1;
}

export function bytesSize(message: MessageName, field: string, value: Uint8Array, max: number): number {
  if (value.length > max) refuse('ERR_WIRE_LIMIT', message, `field ${field}: ${value.length} bytes, limit ${max}`);
  return 4 + value.length;
}

function checkCount(message: MessageName, what: string, count: number, max: number): void {
  if (count > max) refuse('ERR_WIRE_LIMIT', message, `${what}: ${count} entries, limit ${max}`);
}

export function u32sSize(message: MessageName, field: string, value: readonly number[], max: number): number {
  checkCount(message, `field ${field}`, value.length, max);
  return 4 + 4 * value.length;
}

export function textsSize(message: MessageName, field: string, value: readonly string[], max: number): number {
  checkCount(message, `field ${field}`, value.length, max);
  let size = 4;
  for (const text of value) size += textSize(message, field, text, maxListedTextBytes);
  return size;
}

export function checkDescriptor(message: MessageName, name: string, fd: number): void {
  if (!Number.isInteger(fd) || fd < 0) refuse('ERR_WIRE_DESCRIPTORS', message, `descriptor ${name} is ${fd}`);
}

export function checkDescriptors(message: MessageName, name: string, fds: readonly number[], max: number): void {
  checkCount(message, `descriptors ${name}`, fds.length, max);
  for (const fd of fds) checkDescriptor(message, name, fd);
}

/** A descriptor that is not sent would be missed: unlike a field, it is no smaller for being empty. */
export function checkLaterDescriptors(
  message: MessageName,
  name: string,
  fds: readonly number[],
  version: number,
  since: number,
): void {
  if (fds.length === 0 || version >= since) return;
  refuse('ERR_WIRE_VERSION', message, `wire version ${version} has no descriptors ${name}, ${since} has`);
}

/** Allocates the whole message, `size` bytes, and fills in its header. */
export function beginMessage(
  message: MessageName,
  tag: number,
  version: number,
  request: number,
  size: number,
): Buffer {
  if (size > maxMessageBytes) {
    refuse('ERR_WIRE_TOO_LARGE', message, `message of ${size} bytes, limit ${maxMessageBytes}`);
  }
  const data = Buffer.allocUnsafe(size);
  data.writeUInt16LE(tag, 0);
  data.writeUInt16LE(version, 2);
  data.writeUInt32LE(size, 4);
  putU32(data, headerBytes - 4, message, 'request', request);
  return data;
}

function checkInteger(message: MessageName, field: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  refuse('ERR_WIRE_VALUE', message, `field ${field}: ${value} is no integer of ${min} to ${max}`);
}

export function putU8(data: Buffer, at: number, message: MessageName, field: string, value: number): number {
  checkInteger(message, field, value, 0, 0xff);
  return data.writeUInt8(value, at);
}

export function putU16(data: Buffer, at: number, message: MessageName, field: string, value: number): number {
  checkInteger(message, field, value, 0, 0xffff);
  return data.writeUInt16LE(value, at);
}

export function putU32(data: Buffer, at: number, message: MessageName, field: string, value: number): number {
  checkInteger(message, field, value, 0, 0xffff_ffff);
  return data.writeUInt32LE(value, at);
}

export function putI32(data: Buffer, at: number, message: MessageName, field: string, value: number): number {
  checkInteger(message, field, value, -0x8000_0000, 0x7fff_ffff);
  return data.writeInt32LE(value, at);
}

export function putU64(data: Buffer, at: number, message: MessageName, field: string, value: number): number {
  checkInteger(message, field, value, 0, Number.MAX_SAFE_INTEGER);
  data.writeUInt32LE(value % 0x1_0000_0000, at);
  return data.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4);
}

export function putBool(data: Buffer, at: number, value: boolean): number {
  return data.writeUInt8(value ? 1 : 0, at);
}

export function putText(data: Buffer, at: number, value: string): number {
  const size = data.write(value, at + 4, 'utf8');
  data.writeUInt32LE(size, at);
  return data.writeUInt8(0, at + 4 + size);
}

export function putBytes(data: Buffer, at: number, value: Uint8Array): number {
  data.writeUInt32LE(value.length, at);
  data.set(value, at + 4);
  return at + 4 + value.length;
}

export function putU32s(
  data: Buffer,
  at: number,
  message: MessageName,
  field: string,
  value: readonly number[],
): number {
  let next = data.writeUInt32LE(value.length, at);
  for (const entry of value) next = putU32(data, next, message, field, entry);
  return next;
}

export function putTexts(data: Buffer, at: number, value: readonly string[]): number {
  let next = data.writeUInt32LE(value.length, at);
  for (const entry of value) next = putText(data, next, entry);
  return next;
}
