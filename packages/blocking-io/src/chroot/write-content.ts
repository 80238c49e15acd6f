import { addAbortListener } from 'node:events';
import { adoptFd, closeFd } from '@hatchery/linux';
import { transfer } from 'comlink';
import type { CallOptions } from '../pool-options.ts';
import { rejectOnAbort } from '../reject-on-abort.ts';
import type { ChrootEntry } from './chroot-entry.ts';
import type { ChrootHandle } from './chroot-handle.ts';
import type { Chunks, ContentSource } from './content-source.ts';
import type { FileWriter } from './file-writer.ts';
import type { TargetRequest, Writing } from './write.ts';
import { writeByOther } from './write-by-other.ts';

/** Up to here the worker writes, in one message; the pages count against this process. */
const SMALL_BYTES = 64 * 1024;

/** Writes content of any length into a file, in memory that does not grow with it. */
export async function writeContent(
  handle: ChrootHandle,
  writer: FileWriter | null,
  request: TargetRequest,
  source: ContentSource,
  options: CallOptions,
): Promise<ChrootEntry> {
  const { signal } = options;
  using _listener = signal === undefined ? null : addAbortListener(signal, () => source.stop());
  try {
    const head = await readHead(source.chunks);
    if (head.ended) return await handle.call('write', { ...request, bytes: joined(head.chunks) }, options);
    return await writeLong(handle, writer, request, concat(head.chunks, source), source, options);
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : error;
  } finally {
    await source.close();
  }
}

/** The first chunks, until they are more than is small. */
async function readHead(chunks: Chunks): Promise<{ readonly chunks: Uint8Array[]; readonly ended: boolean }> {
  const head: Uint8Array[] = [];
  for (let bytes = 0; bytes <= SMALL_BYTES; ) {
    const { value, done } = await chunks.next();
    if (done === true) return { chunks: head, ended: true };
    head.push(value);
    bytes += value.length;
  }
  return { chunks: head, ended: false };
}

async function* concat(head: readonly Uint8Array[], rest: ContentSource): Chunks {
  yield* head;
  yield* rest.chunks;
}

async function writeLong(
  handle: ChrootHandle,
  writer: FileWriter | null,
  request: TargetRequest,
  chunks: Chunks,
  source: ContentSource,
  options: CallOptions,
): Promise<ChrootEntry> {
  const { path } = request;
  const opening = handle.call('openWriting', { ...request, lend: writer !== null }, { timeoutMs: options.timeoutMs });
  // A descriptor that is lent after the call was given up would stay open.
  const writing = await rejectOnAbort(opening, options.signal, (late) => {
    void giveUp(handle, late, request);
  });
  const { file, lent } = writing;
  let target: number | null = null;
  try {
    if (writer === null || lent === null) {
      await writeByWorker(handle, file, path, chunks, options);
    } else {
      target = adoptFd(lent);
      await writeByOther(writer, { target, path, chunks, source, signal: options.signal });
    }
  } catch (error) {
    const given = giveUp(handle, { ...writing, lent: null }, request);
    // Whoever is told of the failure finds nothing there.
    if (writing.isNew && request.removeUnfinished) await given;
    throw error;
  } finally {
    if (target !== null) closeFd(target);
  }
  return await handle.call('closeWriting', { file, path }, options);
}

async function writeByWorker(
  handle: ChrootHandle,
  file: number,
  path: string,
  chunks: Chunks,
  options: CallOptions,
): Promise<void> {
  let waiting: Uint8Array[] = [];
  let size = 0;
  const send = async (): Promise<void> => {
    const bytes = joined(waiting);
    waiting = [];
    size = 0;
    await handle.call('writeChunk', transfer({ file, path, bytes }, [bytes.buffer]), options);
  };
  for await (const chunk of chunks) {
    // A message takes longer than the writing of a few bytes.
    waiting.push(chunk);
    size += chunk.length;
    if (size > SMALL_BYTES) await send();
  }
  if (size > 0) await send();
}

/** Lets go of a file whose writing failed. Never rejects: the error that is thrown tells more than this one could. */
async function giveUp(handle: ChrootHandle, writing: Writing, request: TargetRequest): Promise<void> {
  const { file, lent, isNew } = writing;
  if (lent !== null) closeFd(adoptFd(lent));
  const remove = isNew && request.removeUnfinished;
  await handle.call('giveUpWriting', { file, path: request.path, remove }).catch(() => {});
}

/** A copy with its memory to itself: the chunks are the caller's. */
function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
