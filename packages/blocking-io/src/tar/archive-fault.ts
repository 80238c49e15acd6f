import type { ArchiveErrorCode } from './archive-error.ts';

/** Thrown by those who decode a piece and do not know where it lies; the reader makes an `ArchiveError` of it. */
export class ArchiveFault extends Error {
  readonly code: ArchiveErrorCode;

  constructor(code: ArchiveErrorCode, text: string) {
    super(text);
    this.code = code;
  }
}

export function invalid(text: string): ArchiveFault {
  return new ArchiveFault('ERR_ARCHIVE_INVALID', text);
}

export function refused(text: string): ArchiveFault {
  return new ArchiveFault('ERR_ARCHIVE_REFUSED', text);
}
