import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { isMachine, readExecutableHeader } from './executable-header.ts';
import { formatManifest, namePattern } from './manifest.ts';
import { formatPublicKey } from './public-key.ts';
import { ShimSigningError } from './shim-signing-error.ts';
import { joinSigned, splitSigned } from './trailer.ts';

/** The name that a binary has when none is given. */
export const defaultName = 'hatchery-shim';

/** What the signature is to vouch for, and with which key. */
export interface SignOptions {
  /** Default `hatchery-shim`. */
  readonly name?: string;
  /** Of the binary. */
  readonly version: string;
  /** An ed25519 key: PKCS 8 in PEM. */
  readonly privateKey: string;
}

/** The binary with its manifest and a signature behind it. One that is there already is replaced. */
export function signShim(bytes: Uint8Array, options: SignOptions): Buffer {
  const { name = defaultName, version } = options;
  if (!namePattern.test(name)) throw new RangeError(`name is ${JSON.stringify(name)}; it must match ${namePattern}`);
  const content = splitSigned(bytes)?.content ?? Buffer.from(bytes);
  const machine = readExecutableHeader(content)?.machine;
  if (machine === undefined || !isMachine(machine)) throw unknownMachine(name, machine);
  const privateKey = readPrivateKey(options.privateKey);
  const sha256 = createHash('sha256').update(content).digest('hex');
  const key = formatPublicKey(createPublicKey(privateKey));
  const manifest = formatManifest({ name, version, machine, size: content.length, sha256, key });
  return joinSigned({ content, manifest, signature: sign(null, manifest, privateKey) });
}

/** The public key that belongs to a private one, as `formatPublicKey` writes it. */
export function publicKeyOf(privateKey: string): string {
  return formatPublicKey(createPublicKey(readPrivateKey(privateKey)));
}

function readPrivateKey(pem: string): KeyObject {
  let key: KeyObject | null = null;
  let cause: unknown;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    cause = error;
  }
  if (key?.asymmetricKeyType === 'ed25519') return key;
  // Never the key's own text.
  const text = `the private key cannot be used to sign: it must be an ed25519 key, PKCS 8 in PEM (openssl genpkey -algorithm ed25519)`;
  throw new ShimSigningError({ code: 'ERR_SHIM_KEY', step: 'read the private key', file: '', text, cause });
}

function unknownMachine(name: string, machine: string | undefined): ShimSigningError {
  const found = machine ?? 'no 64-bit ELF or Mach-O executable';
  const text = `signing ${name}: it is for ${found}; only binaries for x64 and arm64 are signed`;
  return new ShimSigningError({ code: 'ERR_SHIM_MACHINE', step: 'sign', file: name, text, found });
}
