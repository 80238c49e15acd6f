import { ChrootError } from '../chroot/chroot-error.ts';

/** What an archive may be and make. Beyond it `ERR_ARCHIVE_LIMIT`, as soon as a header says so. */
export interface UnpackLimits {
  /** Entries, and directories that are made for them. Default 1,000,000. */
  readonly entries?: number | undefined;
  /** Bytes of the archive, expanded. Default 16 GiB. */
  readonly bytes?: number | undefined;
  /** Bytes of one file. Default: as `bytes`. */
  readonly fileBytes?: number | undefined;
  /** How many times the bytes received a compressed archive may have been expanded to, beyond its first 16 MiB. Default 200. */
  readonly ratio?: number | undefined;
}

export type CompiledLimits = { readonly [Name in keyof UnpackLimits]-?: number };

const GIB = 2 ** 30;

/** @throws ChrootError `ERR_FILE_ARGUMENT` */
export function compileLimits(limits: UnpackLimits, path: string): CompiledLimits {
  const bytes = limits.bytes ?? 16 * GIB;
  const compiled = {
    entries: limits.entries ?? 1_000_000,
    bytes,
    fileBytes: limits.fileBytes ?? bytes,
    ratio: limits.ratio ?? 200,
  };
  for (const [name, value] of Object.entries(compiled)) {
    if (value >= 0 && (Number.isSafeInteger(value) || value === Number.POSITIVE_INFINITY)) continue;
    const text = `limits.${name} must be a whole number, or Infinity, not ${String(value)}; nothing was unpacked`;
    throw new ChrootError('ERR_FILE_ARGUMENT', path, text);
  }
  return compiled;
}
