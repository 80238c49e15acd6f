import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { ArchiveError } from '../tar/archive-error.ts';

/** An archive expands to this much before anybody asks how small it was: an empty disk of a few MiB is no attack. */
const FREE_BYTES = 16 * 2 ** 20;

/**
 * What is in a gzip stream. Throws `ArchiveError` ERR_ARCHIVE_LIMIT as soon as it has grown to more than `ratio` times what
 * was received of it, ERR_ARCHIVE_INVALID when it is no gzip, and what the source throws as it is.
 */
export async function* gunzip(source: AsyncIterable<Uint8Array>, ratio: number): AsyncGenerator<Buffer> {
  let received = 0;
  let expanded = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      received += chunk.length;
      yield chunk;
    }
  }
  const expander = createGunzip();
  const piping = pipeline(counted, expander);
  // Whoever reads from the expander is told the same error.
  piping.catch(() => {});
  try {
    for await (const chunk of expander as AsyncIterable<Buffer>) {
      expanded += chunk.length;
      if (expanded > FREE_BYTES && expanded > ratio * received) throw ratioError(expanded, received, ratio);
      yield chunk;
    }
  } catch (error) {
    throw isOfZlib(error) ? gzipError(error, expanded) : error;
  }
}

function ratioError(expanded: number, received: number, ratio: number): ArchiveError {
  const text = `the archive expands to more than ${ratio} times the ${received} bytes received (limits.ratio)`;
  return new ArchiveError({ code: 'ERR_ARCHIVE_LIMIT', text, entry: null, offset: expanded });
}

function isOfZlib(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');
}

function gzipError(cause: Error, offset: number): ArchiveError {
  const text = `the source is no gzip stream, or a damaged one: ${cause.message}`;
  return new ArchiveError({ code: 'ERR_ARCHIVE_INVALID', text, entry: null, offset }, { cause });
}
