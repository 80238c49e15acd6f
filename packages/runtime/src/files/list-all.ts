import type { Chroot, ChrootEntry } from '@hatchery/blocking-io';
import { HatcheryError } from '../errors.ts';
import { quote } from '../spec/invalid.ts';

/** Entries of one answer: a worker reads the directory through for each, and this thread takes some 6 ms to unpack so many. */
const pageEntries = 5000;
/** And with their details, each of which may have some kilobytes. */
const pageDetails = 2500;
/** What a call without a limit brings at most. */
const mostEntries = 100_000;

export interface ListPage {
  readonly depth: number;
  readonly after: string | null;
  /** null: all. */
  readonly limit: number | null;
  readonly details: string | null;
}

/** A page of a directory of any size, fetched in pieces. Throws ERR_FILE_TOO_LARGE when all of it was asked for. */
export async function listAll(
  chroot: Chroot,
  path: string,
  { depth, after, limit, details }: ListPage,
  signal: AbortSignal,
): Promise<ChrootEntry[]> {
  const most = limit ?? mostEntries + 1;
  const entries: ChrootEntry[] = [];
  const how = { depth, signal, ...(details === null ? {} : { details }) };
  for (let last = after; ; ) {
    const wanted = Math.min(details === null ? pageEntries : pageDetails, most - entries.length);
    const page = await chroot.list(path, { ...how, limit: wanted, ...(last === null ? {} : { after: last }) });
    for (const entry of page) entries.push(entry);
    if (page.length < wanted || entries.length >= most) break;
    last = page.at(-1)?.path ?? null;
  }
  if (limit !== null || entries.length <= mostEntries) return entries;
  const text = `list of ${quote(path)}: there are more than ${mostEntries} entries; take them in pages: limit, and after with the path of the last entry`;
  throw new HatcheryError('ERR_FILE_TOO_LARGE', text);
}
