/** Netlink messages and attributes as bytes (netlink(7), linux/netlink.h). */

export const NLM_F_REQUEST = 1;
export const NLM_F_ACK = 4;
export const NLM_F_DUMP = 0x300;
const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
const NLA_F_NESTED = 0x8000;
const headerBytes = 16;

export function attribute(type: number, value: Uint8Array): Buffer {
  const bytes = Buffer.alloc(align(4 + value.length));
  // 65,535 is the most that its length can say; longer lists go in several messages.
  bytes.writeUInt16LE(4 + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(value, 4);
  return bytes;
}

export function nest(type: number, ...inner: Uint8Array[]): Buffer {
  return attribute(type | NLA_F_NESTED, Buffer.concat(inner));
}

export function text(type: number, value: string): Buffer {
  return attribute(type, Buffer.from(`${value}\0`));
}

/** 32 bits in network order, as nf_tables wants all its numbers. */
export function number32(type: number, value: number): Buffer {
  return attribute(type, big32(value));
}

export function big32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** In the byte order of the machine; both architectures that hatchery runs on have the lower byte first. */
export function native32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

export function message(type: number, flags: number, sequence: number, ...payload: Uint8Array[]): Buffer {
  const body = Buffer.concat(payload);
  const bytes = Buffer.alloc(align(headerBytes + body.length));
  bytes.writeUInt32LE(headerBytes + body.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(NLM_F_REQUEST | flags, 6);
  bytes.writeUInt32LE(sequence, 8);
  bytes.set(body, headerBytes);
  return bytes;
}

/** The payloads of the messages of an answer. */
export function payloads(bytes: Buffer): Buffer[] {
  return [...eachPayload(bytes)];
}

export function* eachPayload(bytes: Buffer): Generator<Buffer> {
  for (const whole of messages(bytes)) yield whole.subarray(headerBytes);
}

/** Whether a dump says of itself that something changed while it was made. */
export function isInterrupted(bytes: Buffer): boolean {
  return messages(bytes).some((whole) => (whole.readUInt16LE(6) & NLM_F_DUMP_INTR) !== 0);
}

function* messages(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at + headerBytes <= bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    if (length < headerBytes || at + length > bytes.length) return;
    yield bytes.subarray(at, at + length);
    at += align(length);
  }
}

/** The attributes in a payload or nest, in their order. */
export function attributes(bytes: Buffer): { type: number; value: Buffer }[] {
  const found: { type: number; value: Buffer }[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    if (length < 4 || at + length > bytes.length) break;
    found.push({ type: bytes.readUInt16LE(at + 2) & 0x3fff, value: bytes.subarray(at + 4, at + length) });
    at += align(length);
  }
  return found;
}

export function find(bytes: Buffer, ...path: readonly number[]): Buffer | undefined {
  let at: Buffer | undefined = bytes;
  for (const type of path) {
    if (at === undefined) return undefined;
    at = attributes(at).find((entry) => entry.type === type)?.value;
  }
  return at;
}

function align(length: number): number {
  return (length + 3) & ~3;
}
