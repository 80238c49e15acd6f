import { setImmediate as turn } from 'node:timers/promises';
import { toJson } from '@bufbuild/protobuf';
import type { FileEntry, SandboxFiles } from '@hatchery/runtime';
import { EntryInfoSchema } from '../protocol/filesystem.generated.ts';
import { type Caller, resolve } from './directory-calls.ts';
import { entryInfoOf, withDetails } from './entry-info.ts';

/** As deep as a path can be. */
const maxDepth = 4096;
/** A worker reads a directory through for each page of it. */
const pageEntries = 1000;
/** Entries that are made text at a stretch: a millisecond or two. */
const pieceEntries = 100;

/**
 * The entries of a directory as the JSON of a ListDirResponse, page by page: a directory before what is in it, the names of
 * one directory by their bytes. A depth of 0 is 1. Rejects as `files.list()` where the first page is refused.
 */
export async function listDir(caller: Caller, path: string, depth: number): Promise<AsyncIterable<Uint8Array>> {
  const { files } = caller.hosted.sandbox;
  const listing = { files, path: await resolve(caller, path), depth: Math.min(depth || 1, maxDepth) };
  return jsonOf(listing, await pageOf(listing, null));
}

interface Listing {
  readonly files: SandboxFiles;
  readonly path: string;
  readonly depth: number;
}

function pageOf({ files, path, depth }: Listing, after: string | null): Promise<FileEntry[]> {
  const how = { ...withDetails, depth, limit: pageEntries };
  return files.list(path, after === null ? how : { ...how, after });
}

async function* jsonOf(listing: Listing, first: FileEntry[]): AsyncGenerator<Uint8Array, void, void> {
  let separator = '{"entries":[';
  for (let page = first; ; page = await pageOf(listing, page.at(-1)?.path ?? null)) {
    for (let at = 0; at < page.length; at += pieceEntries) {
      const piece = page.slice(at, at + pieceEntries);
      yield Buffer.from(separator + piece.map(textOf).join(','));
      separator = ',';
      await turn();
    }
    if (page.length < pageEntries) break;
  }
  yield Buffer.from(separator === ',' ? ']}' : '{}');
}

function textOf(entry: FileEntry): string {
  return JSON.stringify(toJson(EntryInfoSchema, entryInfoOf(entry)));
}
