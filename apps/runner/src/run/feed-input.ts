import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** The program closed its end, ended, or the run is over: nobody wants the rest of the input. */
const unwanted = new Set(['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED', 'ABORT_ERR']);

/** Gives our standard input to the program, and its end. @throws when reading ours fails. */
export async function feedInput(source: Readable, target: Writable): Promise<void> {
  try {
    await pipeline(source, target);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!unwanted.has(code)) throw error;
  }
}
