import { ArchiveError } from '../tar/archive-error.ts';
import { ArchiveFault } from '../tar/archive-fault.ts';

/** Does it, and says of a fault which entry it is about: an `ArchiveError`. */
export function telling<T>(entry: string | null, offset: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ArchiveFault)) throw error;
    throw new ArchiveError({ code: error.code, text: error.message, entry, offset });
  }
}
