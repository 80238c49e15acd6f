import type { IncomingMessage } from 'node:http';
import { serverFrames } from '../wire/frame.ts';
import { FrameReader } from '../wire/frame-reader.ts';
import { brokenStream } from './broken-stream.ts';
import { eventOf, type RemoteEvent } from './remote-event.ts';

/** What an answer tells of an execution's output. Throws ERR_SERVER_LOST when it is cut off. */
export async function* readOutput(response: IncomingMessage): AsyncGenerator<RemoteEvent> {
  const reader = new FrameReader(serverFrames);
  const chunks: AsyncIterator<Buffer> = response[Symbol.asyncIterator]();
  for (;;) {
    const { value, done } = await chunks.next().catch((error: unknown) => {
      throw brokenStream(error);
    });
    if (done === true) return;
    for (const frame of reader.read(value)) yield eventOf(frame);
  }
}
