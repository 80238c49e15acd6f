/**
 * The closed list of what can go wrong in this package.
 *
 * - `ERR_SHIM_MISSING`: none of the candidates is there.
 * - `ERR_SHIM_MACHINE`: a binary is for another machine or system than the target, or is no executable.
 * - `ERR_SHIM_UNSIGNED`: a binary carries no signature.
 * - `ERR_SHIM_KEY`: a binary is signed by a key that is not accepted, or a key cannot be used.
 * - `ERR_SHIM_ALTERED`: the signature, the digest or the size does not fit the bytes.
 * - `ERR_SHIM_VERSION`: a well signed binary has another name or version than the one wanted.
 * - `ERR_SHIM_PATH`: the place of the install is not safe: a symbolic link, a foreign owner, writable by others.
 * - `ERR_SHIM_CODESIGN`: codesign failed, did not end in time, or left something else than a signed binary.
 * - `ERR_SHIM_IO`: the system refused to read or write; see `cause`.
 */
export type ShimSigningErrorCode =
  | 'ERR_SHIM_MISSING'
  | 'ERR_SHIM_MACHINE'
  | 'ERR_SHIM_UNSIGNED'
  | 'ERR_SHIM_KEY'
  | 'ERR_SHIM_ALTERED'
  | 'ERR_SHIM_VERSION'
  | 'ERR_SHIM_PATH'
  | 'ERR_SHIM_CODESIGN'
  | 'ERR_SHIM_IO';

export interface ShimSigningErrorDetails {
  readonly code: ShimSigningErrorCode;
  /** What was being done, such as `verify`. */
  readonly step: string;
  /** The file concerned. */
  readonly file: string;
  /** What was tried on what, what happened, what to do. */
  readonly text: string;
  /** The digest, key, machine or version that was wanted, when one was. */
  readonly expected?: string;
  /** What was there instead. */
  readonly found?: string;
  readonly cause?: unknown;
}

/** The one error class of this package. The message begins with the code. */
export class ShimSigningError extends Error {
  /** The name of this class. */
  override readonly name = 'ShimSigningError';
  /** Which of the closed list it is. */
  readonly code: ShimSigningErrorCode;
  /** What was being done, such as `verify`. */
  readonly step: string;
  /** The file concerned. */
  readonly file: string;
  /** The digest, key, machine or version that was wanted; null when none was. */
  readonly expected: string | null;
  /** What was there instead; null when nothing was compared. */
  readonly found: string | null;

  /** @internal */
  constructor(details: ShimSigningErrorDetails) {
    super(`[${details.code}] ${details.text}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.step = details.step;
    this.file = details.file;
    this.expected = details.expected ?? null;
    this.found = details.found ?? null;
  }
}
