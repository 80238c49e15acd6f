import { manifestBytes } from './manifest.ts';

/**
 * A signed binary is the binary itself with 512 bytes behind it: the manifest (448 bytes of text) and the ed25519
 * signature over those (64 bytes). It is one file, so that it is replaced by one rename and a copy keeps the signature;
 * the kernel does not look at what stands behind the last segment.
 */
const signatureBytes = 64;
const trailerBytes: number = manifestBytes + signatureBytes;
const beginning = '{"format":';

/** The parts of a signed file, as views of it. */
export interface SignedParts {
  readonly content: Buffer;
  readonly manifest: Buffer;
  readonly signature: Buffer;
}

/** Null when there is no signature at the end: never signed, stripped or cut short. */
export function splitSigned(bytes: Uint8Array): SignedParts | null {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = file.length - trailerBytes;
  if (end < 0 || file.toString('latin1', end, end + beginning.length) !== beginning) return null;
  return {
    content: file.subarray(0, end),
    manifest: file.subarray(end, end + manifestBytes),
    signature: file.subarray(end + manifestBytes),
  };
}

export function joinSigned({ content, manifest, signature }: SignedParts): Buffer {
  return Buffer.concat([content, manifest, signature]);
}
