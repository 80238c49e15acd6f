const segment64 = 0x19;
const codeSignature = 0x1d;
const headerBytes = 32;

/**
 * What is wrong with a signed Mach-O file, or null: a part that its load commands name is not there, or they name no
 * code signature. codesign's own word is not enough: it may have been cut off while it wrote.
 */
export function findMachOFault(bytes: Buffer): string | null {
  if (bytes.length < headerBytes) return 'it is cut short in its header';
  const count = bytes.readUInt32LE(16);
  let at = headerBytes;
  let isSigned = false;
  for (let index = 0; index < count; index++) {
    const size = at + 8 <= bytes.length ? bytes.readUInt32LE(at + 4) : 0;
    if (size < 8 || at + size > bytes.length) return 'it is cut short in its load commands';
    const command = bytes.readUInt32LE(at);
    if (command === segment64 && size >= 72) {
      const end = bytes.readBigUInt64LE(at + 40) + bytes.readBigUInt64LE(at + 48);
      if (end > BigInt(bytes.length)) return `it ends at ${bytes.length}, before a segment that ends at ${end}`;
    }
    if (command === codeSignature && size >= 16) {
      const end = bytes.readUInt32LE(at + 8) + bytes.readUInt32LE(at + 12);
      if (end > bytes.length) return `it ends at ${bytes.length}, before its code signature, which ends at ${end}`;
      isSigned = true;
    }
    at += size;
  }
  return isSigned ? null : 'it has no code signature';
}
