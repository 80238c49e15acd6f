import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chooseShim } from './choose-shim.ts';
import { Codesign, type CodesignOptions, codesignError } from './codesign.ts';
import { isForTarget, isMachine, readExecutableHeader, type Target } from './executable-header.ts';
import { InstallDirectory } from './install-directory.ts';
import { findMachOFault } from './mach-o.ts';
import type { ShimManifest } from './manifest.ts';
import { type Placing, putInPlace, readPlace, removeAbandoned } from './put-in-place.ts';
import { ShimSigningError } from './shim-signing-error.ts';
import { defaultName } from './sign-shim.ts';
import { splitSigned } from './trailer.ts';
import { type Requirements, verifyShim } from './verify-shim.ts';

/** Which binaries will do. */
export interface ReadOptions extends Omit<Requirements, 'target'> {
  /** Paths of signed binaries; the first that is there and made for the target is taken. */
  readonly candidates: readonly string[];
  /** Default: what this process runs on. */
  readonly target?: Target | undefined;
  /** Gives up: the call rejects with the signal's reason, and nothing is left at the final path. */
  readonly signal?: AbortSignal | undefined;
}

/** Which binaries will do, and where to put the one chosen. */
export interface InstallOptions extends ReadOptions {
  /** Where the binary goes, under its name. Made when it is not there; no symbolic link in its path. */
  readonly directory: string;
  /** For a Mach-O binary, which macOS runs with entitlements only after codesign has signed it. */
  readonly codesign?: CodesignOptions | undefined;
}

/** A binary that may be executed. */
export interface VerifiedShim {
  /** The verified bytes. Execute these, not what stands at a path later. */
  readonly bytes: Buffer;
  /** sha256 of `bytes`, in hexadecimal. */
  readonly digest: string;
  /** What its signature vouches for. */
  readonly manifest: ShimManifest;
}

/** A binary that may be executed and is in its place. */
export interface InstalledShim extends VerifiedShim {
  /** Where it is. */
  readonly path: string;
}

/** Reads and verifies a binary without installing it. Throws `ShimSigningError`. */
export async function readShim(options: ReadOptions): Promise<VerifiedShim> {
  const { target = thisMachine(), signal } = options;
  signal?.throwIfAborted();
  const { file, bytes } = await chooseShim(options.candidates, target);
  const manifest = verifyShim(bytes, { ...options, target }, file);
  return { bytes, digest: digestOf(bytes), manifest };
}

/**
 * Chooses the binary for the target, verifies it, and puts it into `directory` by one rename, unless it is there already.
 * Any number of processes may do so at once. Throws `ShimSigningError`, and then what was installed before still is.
 */
export async function installShim(options: InstallOptions): Promise<InstalledShim> {
  const { target = thisMachine(), name = defaultName, signal } = options;
  const verified = await readShim(options);
  await using directory = await InstallDirectory.openOwn(options.directory);
  const finish =
    target.system === 'linux' ? asItIs(verified) : await codesigned(verified, target, name, options.codesign);
  const path = join(directory.path, name);
  const installed = await readPlace(directory, name);
  if (installed !== null && (await finish.isDone(installed, path)))
    return { path, bytes: installed, digest: digestOf(installed), manifest: verified.manifest };
  signal?.throwIfAborted();
  const bytes = await putInPlace({ directory, name, signal, ...finish });
  await removeAbandoned(directory, name);
  return { path, bytes, digest: digestOf(bytes), manifest: verified.manifest };
}

/** What a system wants done with the verified bytes before they are in place. */
interface Finish extends Pick<Placing, 'bytes' | 'seal' | 'check'> {
  /** Whether what stands at the place is what this would put there. */
  isDone(installed: Buffer, path: string): Promise<boolean>;
}

function asItIs({ bytes }: VerifiedShim): Finish {
  return {
    bytes,
    isDone: async (installed) => installed.equals(bytes),
    check: async (written, path) => {
      if (!written.equals(bytes)) throw changed(path, bytes, written);
    },
  };
}

/** codesign changes the file, so the signature behind it goes first, and the identifier ties the result to its bytes. */
async function codesigned(
  { bytes, manifest }: VerifiedShim,
  target: Target,
  name: string,
  options: CodesignOptions = {},
): Promise<Finish> {
  const codesign = new Codesign(options);
  const content = splitSigned(bytes)?.content ?? bytes;
  const granted = options.entitlements === undefined ? '' : await readFile(options.entitlements);
  const identifier = `${name}.${createHash('sha256').update(manifest.sha256).update(granted).digest('hex').slice(0, 32)}`;
  const isSound = async (written: Buffer, path: string): Promise<string | null> => {
    if (!isForTarget(readExecutableHeader(written), target)) return 'it is no executable for the target any more';
    const fault = findMachOFault(written);
    if (fault !== null) return fault;
    // It stands in the signature: whatever codesign says of the file, it must be of these bytes.
    if (!written.includes(identifier)) return `it is not signed as ${identifier}`;
    return (await codesign.verifies(path, identifier)) ? null : `codesign --verify refuses it as ${identifier}`;
  };
  return {
    bytes: content,
    isDone: async (installed, path) => (await isSound(installed, path)) === null,
    seal: (path) => codesign.sign(path, identifier),
    check: async (written, path) => {
      const fault = await isSound(written, path);
      if (fault !== null) throw codesignError(path, fault);
    },
  };
}

function changed(file: string, wanted: Buffer, written: Buffer): ShimSigningError {
  const [expected, found] = [`sha256 ${digestOf(wanted)}`, `sha256 ${digestOf(written)}`];
  const text = `installing ${file}: what was written was changed; expected ${expected}, found ${found}. Look who writes to that directory`;
  return new ShimSigningError({ code: 'ERR_SHIM_ALTERED', step: 'read back', file, text, expected, found });
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function thisMachine(): Target {
  const { platform, arch } = process;
  if ((platform === 'linux' || platform === 'darwin') && isMachine(arch)) return { system: platform, machine: arch };
  const text = `there is no shim for ${platform} ${arch}; linux and darwin on x64 and arm64 have one`;
  throw new ShimSigningError({
    code: 'ERR_SHIM_MACHINE',
    step: 'choose',
    file: '',
    text,
    found: `${platform} ${arch}`,
  });
}
