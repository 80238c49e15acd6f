import type { Readable, Writable } from 'node:stream';
import { isBrokenPipe } from '../report-error.ts';
import { write } from '../write.ts';

/**
 * Copies a stream of the program to one of ours, a chunk at a time: a slow reader of ours slows the program. When that
 * reader has gone, our end of the program's pipe closes, so that the program gets SIGPIPE as it would without a sandbox.
 */
export async function copyOutput(source: Readable, target: Writable): Promise<void> {
  try {
    // Leaving the loop early destroys the source.
    for await (const chunk of source) await write(target, chunk as Buffer);
  } catch (error) {
    if (!isBrokenPipe(error)) throw error;
  }
}
