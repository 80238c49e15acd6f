import { createHash, verify } from 'node:crypto';
import { describeHeader, isForTarget, readExecutableHeader, type Target } from './executable-header.ts';
import { parseManifest, type ShimManifest } from './manifest.ts';
import { formatPublicKey, parsePublicKey } from './public-key.ts';
import { ShimSigningError, type ShimSigningErrorCode } from './shim-signing-error.ts';
import { defaultName } from './sign-shim.ts';
import { splitSigned } from './trailer.ts';

/** What a binary must be so that it may be executed. */
export interface Requirements {
  /** Default `hatchery-shim`. */
  readonly name?: string | undefined;
  /** Without it every version will do, old ones with known faults too. */
  readonly version?: string | undefined;
  /** What it has to be made for. */
  readonly target: Target;
  /** Accepted public keys: PEM, or the base64 text of it. */
  readonly keys: readonly string[];
}

/**
 * Throws a `ShimSigningError` unless these very bytes are signed by an accepted key, for this target, name and version.
 * @param file what the error names
 */
export function verifyShim(bytes: Uint8Array, required: Requirements, file: string): ShimManifest {
  const refuse = (code: ShimSigningErrorCode, what: string, expected?: string, found?: string): ShimSigningError =>
    refusal(file, code, what, expected, found);

  const parts = splitSigned(bytes);
  const header = readExecutableHeader(bytes);
  if (!isForTarget(header, required.target)) throw wrongMachine(file, required.target, describeHeader(header));
  if (parts === null)
    throw refuse(
      'ERR_SHIM_UNSIGNED',
      'no signature stands at its end: it was never signed, or was stripped or cut short',
    );
  const manifest = parseManifest(parts.manifest);
  if (manifest === null) throw refuse('ERR_SHIM_ALTERED', 'its manifest is damaged');

  const keys = required.keys.map((text) => readAcceptedKey(text, file));
  const key = keys.find((accepted) => formatPublicKey(accepted) === manifest.key);
  if (key === undefined) {
    const expected = keys.map(formatPublicKey).join(', ') || 'none';
    throw refuse('ERR_SHIM_KEY', 'it is signed by another key', expected, manifest.key);
  }
  if (!verify(null, parts.manifest, key, parts.signature))
    throw refuse(
      'ERR_SHIM_ALTERED',
      'its signature does not fit its manifest',
      `a signature by ${manifest.key}`,
      parts.signature.toString('base64'),
    );

  // From here on the manifest is the signer's word.
  const sha256 = createHash('sha256').update(parts.content).digest('hex');
  if (manifest.sha256 !== sha256 || manifest.size !== parts.content.length)
    throw refuse(
      'ERR_SHIM_ALTERED',
      'its bytes are not those that were signed',
      `sha256 ${manifest.sha256} of ${manifest.size} bytes`,
      `sha256 ${sha256} of ${parts.content.length} bytes`,
    );
  if (manifest.machine !== required.target.machine)
    throw wrongMachine(file, required.target, `${manifest.machine} by its manifest`);
  const { name = defaultName, version = manifest.version } = required;
  if (manifest.name !== name || manifest.version !== version)
    throw refuse('ERR_SHIM_VERSION', 'it is another one', `${name} ${version}`, `${manifest.name} ${manifest.version}`);
  return manifest;
}

function refusal(
  file: string,
  code: ShimSigningErrorCode,
  what: string,
  expected?: string,
  found?: string,
): ShimSigningError {
  const difference = expected === undefined ? '' : `; expected ${expected}, found ${found}`;
  const text = `${file} is not executed: ${what}${difference}. Install the package again, or build the shim again`;
  return new ShimSigningError({
    code,
    step: 'verify',
    file,
    text,
    ...(expected === undefined ? {} : { expected }),
    ...(found === undefined ? {} : { found }),
  });
}

function wrongMachine(file: string, target: Target, found: string): ShimSigningError {
  const expected = describeHeader(target);
  const text = `${file} is not executed: it is for ${found}, and ${expected} is needed. Install the package for ${expected}`;
  return new ShimSigningError({ code: 'ERR_SHIM_MACHINE', step: 'verify', file, text, expected, found });
}

function readAcceptedKey(text: string, file: string): ReturnType<typeof parsePublicKey> {
  try {
    return parsePublicKey(text);
  } catch (cause) {
    const message = `${file} is not executed: one of the accepted keys is ${JSON.stringify(text.slice(0, 100))}, which is no ed25519 public key in PEM or base64`;
    throw new ShimSigningError({ code: 'ERR_SHIM_KEY', step: 'read the accepted keys', file, text: message, cause });
  }
}
