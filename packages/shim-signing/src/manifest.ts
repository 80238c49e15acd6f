import type { Machine } from './executable-header.ts';

/** What a signature vouches for. */
export interface ShimManifest {
  /** Of the binary, such as `hatchery-shim`. */
  readonly name: string;
  /** Of the binary. */
  readonly version: string;
  /** What it is made for. */
  readonly machine: Machine;
  /** Bytes of the binary without its signature. */
  readonly size: number;
  /** Digest of those bytes, in hexadecimal. */
  readonly sha256: string;
  /** The public key that it says it is signed with; it is trusted only when the caller accepts that key. */
  readonly key: string;
}

/** The text fills its place whatever is in it, so that a signature is found from the end of a file. */
export const manifestBytes = 448;
const format = 1;

/** The bytes that are signed: one line of JSON, filled up with spaces. */
export function formatManifest({ name, version, machine, size, sha256, key }: ShimManifest): Buffer {
  const text = JSON.stringify({ format, name, version, machine, size, sha256, key });
  if (Buffer.byteLength(text) >= manifestBytes) throw new RangeError(`a manifest over ${manifestBytes} bytes: ${text}`);
  return Buffer.from(`${text.padEnd(manifestBytes - 1)}\n`);
}

/** Null for anything but exactly what `formatManifest` writes: one meaning has one text. */
export function parseManifest(bytes: Uint8Array): ShimManifest | null {
  let found: unknown;
  try {
    found = JSON.parse(Buffer.from(bytes).toString('latin1'));
  } catch {
    return null;
  }
  if (!isManifest(found)) return null;
  const { name, version, machine, size, sha256, key } = found;
  const manifest = { name, version, machine, size, sha256, key };
  return formatManifest(manifest).equals(bytes) ? manifest : null;
}

function isManifest(value: unknown): value is ShimManifest {
  if (typeof value !== 'object' || value === null) return false;
  const found = value as Record<string, unknown>;
  const fits = (field: string, pattern: RegExp): boolean =>
    typeof found[field] === 'string' && pattern.test(found[field]);
  return (
    fits('name', namePattern) &&
    fits('version', /^[0-9A-Za-z.+-]{1,64}$/) &&
    fits('machine', /^(x64|arm64)$/) &&
    Number.isSafeInteger(found['size']) &&
    fits('sha256', /^[0-9a-f]{64}$/) &&
    fits('key', /^[0-9A-Za-z+/=]{1,80}$/)
  );
}

/** Names of binaries, which are file names, too. */
export const namePattern: RegExp = /^[a-z0-9][a-z0-9-]{0,63}$/;
