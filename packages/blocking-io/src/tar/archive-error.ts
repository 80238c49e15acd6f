/**
 * The closed list of what can be wrong with an archive.
 *
 * - `ERR_ARCHIVE_INVALID`: it is no tar archive, is damaged, or ends too early.
 * - `ERR_ARCHIVE_REFUSED`: it is one, but holds something that is not taken: a device, a name that leads out.
 * - `ERR_ARCHIVE_LIMIT`: it is larger, or expands more, than the limits allow.
 */
export type ArchiveErrorCode = 'ERR_ARCHIVE_INVALID' | 'ERR_ARCHIVE_REFUSED' | 'ERR_ARCHIVE_LIMIT';

export interface ArchiveErrorDetails {
  readonly code: ArchiveErrorCode;
  /** What is wrong. */
  readonly text: string;
  /** Name of the entry, as text for people. */
  readonly entry: string | null;
  /** Where the entry's header begins, in bytes of the expanded archive. */
  readonly offset: number;
}

/** What is wrong with an archive, and where. The message begins with the code. */
export class ArchiveError extends Error {
  /** Which of the closed list it is. */
  readonly code: ArchiveErrorCode;
  /** Name of the entry, as text for people; null where it is about none. */
  readonly entry: string | null;
  /** Where the entry's header begins, in bytes of the expanded archive. */
  readonly offset: number;

  /** @internal */
  constructor({ code, text, entry, offset }: ArchiveErrorDetails, options?: ErrorOptions) {
    const place = entry === null ? `at byte ${offset}` : `entry ${entry} at byte ${offset}`;
    super(`[${code}] ${place}: ${text}`, options);
    this.name = 'ArchiveError';
    this.code = code;
    this.entry = entry;
    this.offset = offset;
  }
}
