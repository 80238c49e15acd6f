import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { brokenStream } from './broken-stream.ts';

/** The lines of an answer as they come. Throws ERR_SERVER_LOST when it is cut off. */
export async function* readLines(response: IncomingMessage): AsyncGenerator<string> {
  let failure: unknown = null;
  // readline ends quietly when its input fails.
  response.on('error', (error) => {
    failure = error;
  });
  for await (const line of createInterface({ input: response })) yield line;
  if (failure !== null || !response.complete) throw brokenStream(failure);
}
