import type { Readable, Writable } from 'node:stream';
import { CliError } from '../cli-error.ts';
import { isBrokenPipe } from '../report-error.ts';
import { write } from '../write.ts';

/**
 * Copies a stream of the program to one of ours, a chunk at a time: a slow reader of ours slows the program. When that
 * reader has gone, our end of the program's pipe closes, so that the program gets SIGPIPE as it would without a sandbox.
 * @throws CliError when ours cannot be written for another reason.
 */
export async function copyOutput(source: Readable, target: Writable): Promise<void> {
  try {
    // Leaving the loop early destroys the source.
    for await (const chunk of source) await writeOurs(target, chunk as Buffer);
  } catch (error) {
    if (!isBrokenPipe(error) && !isClosedEarly(error)) throw error;
  }
}

async function writeOurs(target: Writable, chunk: Buffer): Promise<void> {
  try {
    await write(target, chunk);
  } catch (error) {
    if (isBrokenPipe(error)) throw error;
    const happened = error instanceof Error ? error.message : String(error);
    throw new CliError('ERR_OUTPUT', `writing the program's output failed: ${happened}; the program was ended`);
  }
}

/** The sandbox was ended from outside, and its streams with it. */
function isClosedEarly(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}
