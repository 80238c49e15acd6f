import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { basename, dirname } from 'node:path';
import { readExecutableHeader, type Target } from './executable-header.ts';
import { InstallDirectory } from './install-directory.ts';
import { putInPlace } from './put-in-place.ts';
import { ioError, openToRead } from './read-file.ts';
import { ShimSigningError } from './shim-signing-error.ts';
import { publicKeyOf, type SignOptions, signShim } from './sign-shim.ts';
import { verifyShim } from './verify-shim.ts';

/** A file that carries a valid signature now. */
export interface SignedFile {
  /** Where it is. */
  readonly path: string;
  /** sha256 of the signed file, in hexadecimal. */
  readonly digest: string;
  /** False when a valid signature by this key was there already. */
  readonly signed: boolean;
}

/** Signs a built binary where it stands, by one rename. One that this key has signed already is left alone. */
export async function signShimFile(path: string, options: SignOptions): Promise<SignedFile> {
  const unsigned = await readWhole(path);
  const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  if (isSignedBy(unsigned, options, path)) return { path, digest: digestOf(unsigned), signed: false };
  const bytes = signShim(unsigned, options);
  await using directory = await InstallDirectory.open(dirname(path));
  const check = async (written: Buffer): Promise<void> => {
    if (!written.equals(bytes)) throw new Error(`signing ${path}: what was written was changed`);
  };
  await putInPlace({ directory, name: basename(path), bytes, check });
  return { path, digest: digestOf(bytes), signed: true };
}

function isSignedBy(bytes: Buffer, { name, version, privateKey }: SignOptions, path: string): boolean {
  const keys = [publicKeyOf(privateKey)];
  const header = readExecutableHeader(bytes);
  if (header === null) return false;
  try {
    // Whatever machine it is for: signing is no execution.
    verifyShim(bytes, { name, version, target: header as Target, keys }, path);
    return true;
  } catch (error) {
    if (error instanceof ShimSigningError) return false;
    throw error;
  }
}

async function readWhole(path: string): Promise<Buffer> {
  try {
    await using handle = await openToRead(path, constants.O_NOFOLLOW);
    if (handle === null) throw new Error('it is not there');
    return await handle.readFile();
  } catch (cause) {
    throw ioError('sign', path, cause);
  }
}
