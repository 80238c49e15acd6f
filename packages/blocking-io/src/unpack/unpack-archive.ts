import { randomBytes } from 'node:crypto';
import { addAbortListener } from 'node:events';
import type { Readable } from 'node:stream';
import { adoptFd, closeFd, type FileOwner } from '@hatchery/linux';
import { transfer } from 'comlink';
import type { BlockingPool } from '../blocking-pool.ts';
import type { ChrootHandle } from '../chroot/chroot-handle.ts';
import { CHUNK_BYTES, ContentSource } from '../chroot/content-source.ts';
import type { FileWriter } from '../chroot/file-writer.ts';
import { writeByOther } from '../chroot/write-by-other.ts';
import { ByteFeed } from './byte-feed.ts';
import { cleaningUp } from './cleaning-up.ts';
import { gunzip } from './gunzip.ts';
import { compileLimits, type UnpackLimits } from './unpack-limits.ts';
import type { UnpackResult } from './unpack-methods.ts';
import type { Taken } from './unpacking.ts';

/** Whose what is unpacked is, and how much of it is taken. */
export interface UnpackOptions {
  /** Of everything in the archive, as the host sees it. Default: as the archive has it, within the sandbox's range. */
  readonly owner?: FileOwner | undefined;
  /** How large an archive may be. Default: the defaults of each. */
  readonly limits?: UnpackLimits | undefined;
  /** How the source is compressed. Default: not at all. */
  readonly compression?: 'gzip' | undefined;
  /** Gives the unpack up: what it had done is undone, then the call rejects with the reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What of a chroot an unpack needs. */
export interface UnpackContext {
  readonly pool: Pick<BlockingPool, 'run'>;
  readonly handle: ChrootHandle;
  readonly writer: FileWriter | null;
}

/** Content of more bytes is written by the writer, where there is one. */
const WRITES_UP_TO = 64 * 1024;
const HIDDEN_PREFIX = '.hatchery-unpack-';

/**
 * Unpacks a tar archive into a directory that is there. It is made in a hidden directory in there first, and moved to its
 * place once all of it has come: when this rejects before that, whyever, nothing of it is left.
 */
export async function unpackArchive(
  context: UnpackContext,
  path: string,
  stream: Readable,
  options: UnpackOptions = {},
): Promise<UnpackResult> {
  const { owner = null, compression } = options;
  // A stream that gives nothing would not notice that nobody unpacks any more.
  const ended = new AbortController();
  const forget = context.handle.onEnd((error) => ended.abort(error));
  const signal = options.signal === undefined ? ended.signal : AbortSignal.any([options.signal, ended.signal]);
  const source = new ContentSource(stream, path);
  using _listener = addAbortListener(signal, () => source.stop());
  try {
    signal.throwIfAborted();
    const limits = compileLimits(options.limits ?? {}, path);
    const feed = new ByteFeed(compression === 'gzip' ? gunzip(source.chunks, limits.ratio) : source.chunks);
    const writesUpTo = context.writer === null ? Number.POSITIVE_INFINITY : WRITES_UP_TO;
    const { unpack, destination } = await context.handle.call('openUnpack', { path });
    const name = HIDDEN_PREFIX + randomBytes(8).toString('hex');
    const run = new UnpackRun(context, { unpack, path, feed, source, signal });
    return await cleaningUp(context, { unpack, destination: adoptFd(destination), name }, async () => {
      await context.handle.call('stageUnpack', { unpack, name, owner, limits, writesUpTo });
      try {
        await run.passAll();
      } finally {
        await feed.close();
      }
      return await run.moveIn();
    });
  } catch (error) {
    // A stream that the signal stopped says only that it was.
    throw signal.aborted && !(error instanceof AggregateError) ? signal.reason : error;
  } finally {
    forget();
    await source.close();
  }
}

interface RunParts {
  readonly unpack: number;
  readonly path: string;
  readonly feed: ByteFeed;
  readonly source: ContentSource;
  readonly signal: AbortSignal;
}

/** The way of the bytes: to the worker, and the content of large files to the writer. */
class UnpackRun {
  readonly #context: UnpackContext;
  readonly #parts: RunParts;

  constructor(context: UnpackContext, parts: RunParts) {
    this.#context = context;
    this.#parts = parts;
  }

  async passAll(): Promise<void> {
    const { unpack, feed, signal } = this.#parts;
    for (let piece = await feed.next(CHUNK_BYTES); piece !== null; piece = await feed.next(CHUNK_BYTES)) {
      // A copy with its memory to itself, of which the thread changes.
      const bytes = new Uint8Array(piece);
      const taking = this.#context.handle.call('takeUnpack', transfer({ unpack, bytes }, [bytes.buffer]));
      const { consumed, content } = await taking;
      // What it lends is lent to nobody else.
      if (signal.aborted && content !== null) closeFd(adoptFd(content.target));
      signal.throwIfAborted();
      if (consumed < piece.length) feed.putBack(piece.subarray(consumed));
      if (content !== null) await this.#passContent(content);
    }
  }

  /** Not ended by a signal any more: half of it moved would be worse than all. */
  async moveIn(): Promise<UnpackResult> {
    const { unpack, signal } = this.#parts;
    signal.throwIfAborted();
    for (;;) {
      const result = await this.#context.handle.call('moveIn', { unpack });
      if (result !== null) return result;
    }
  }

  async #passContent({ target, bytes }: NonNullable<Taken['content']>): Promise<void> {
    const { unpack, path, feed, source, signal } = this.#parts;
    const { writer, handle } = this.#context;
    adoptFd(target);
    let passed = 0;
    async function* chunks(): AsyncGenerator<Uint8Array, void, void> {
      for await (const chunk of feed.take(bytes)) {
        passed += chunk.length;
        yield chunk;
      }
    }
    try {
      if (writer === null) throw new Error('content for a writer, and there is none');
      await writeByOther(writer, { target, path, chunks: chunks(), source, signal });
    } finally {
      closeFd(target);
    }
    await handle.call('contentWritten', { unpack, bytes: passed });
  }
}
