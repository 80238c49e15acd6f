import { addAbortListener } from 'node:events';
import { LinuxError } from '@hatchery/linux';
import { rejectOnAbort } from '../reject-on-abort.ts';
import { ChrootError } from './chroot-error.ts';
import type { Chunks, ContentSource } from './content-source.ts';
import type { FileWriter } from './file-writer.ts';
import { PipeFeed } from './pipe-feed.ts';

export interface OtherWrite {
  readonly target: number;
  readonly path: string;
  readonly chunks: Chunks;
  /** Where the chunks come from. */
  readonly source: ContentSource;
  readonly signal: AbortSignal | undefined;
}

/** Has somebody else write the file, who says himself what went wrong. */
export async function writeByOther(writer: FileWriter, write: OtherWrite): Promise<void> {
  const { target, path, source, signal } = write;
  const { pipe, done } = await writer(target);
  using feed = new PipeFeed(pipe);
  const stopped: { reason?: unknown } = {};
  const stop = (reason: unknown): void => {
    stopped.reason ??= reason;
    feed.fail(reason);
    source.stop();
  };
  using _listener = signal === undefined ? null : addAbortListener(signal, () => stop(signal.reason));
  if (signal?.aborted === true) stop(signal.reason);
  done.catch(stop);
  const sent = await sendAll(feed, write.chunks).catch((error: unknown) => {
    // A source that was stopped says only that.
    throw stopped.reason ?? error;
  });
  // The end of the content, for him who reads; a write that failed has ended it likewise.
  feed[Symbol.dispose]();
  // A writer that somebody has stopped says nothing any more.
  const taken = await rejectOnAbort(done, signal);
  if (sent === taken) return;
  const text = `the writer took ${taken} bytes${sent === null ? '' : ` of ${sent}`}; what the file holds is not whole`;
  throw new ChrootError('ERR_FILE_INCOMPLETE', path, text);
}

/** How many bytes went into the pipe, null when its reader went first: then he has the word. */
async function sendAll(feed: PipeFeed, chunks: Chunks): Promise<number | null> {
  let sent = 0;
  try {
    for await (const chunk of chunks) {
      await feed.write(chunk);
      sent += chunk.length;
    }
    return sent;
  } catch (error) {
    if (error instanceof LinuxError && error.code === 'EPIPE') return null;
    throw error;
  }
}
