import type { Readable } from 'node:stream';
import { HatcheryError } from '../errors.ts';
import type { RunResult } from '../types.ts';
import type { LiveExecution } from './execution.ts';

export interface RunToEnd {
  readonly input: Uint8Array | string | undefined;
  /** Of both streams together. */
  readonly maxOutputBytes: number;
}

/** What both streams have brought, as long as it is not too much. */
class Collector {
  readonly #maxBytes: number;
  readonly #onTooMuch: () => void;
  #bytes = 0;

  constructor(maxBytes: number, onTooMuch: () => void) {
    this.#maxBytes = maxBytes;
    this.#onTooMuch = onTooMuch;
  }

  get isTooMuch(): boolean {
    return this.#bytes > this.#maxBytes;
  }

  collect(stream: Readable): Buffer[] {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => {
      if (this.isTooMuch) return;
      this.#bytes += chunk.length;
      if (!this.isTooMuch) chunks.push(chunk);
      else this.#onTooMuch();
    });
    return chunks;
  }
}

/** Feeds the input, waits for the exit and returns with everything that was written until then. */
export async function runToEnd(execution: LiveExecution, { input, maxOutputBytes }: RunToEnd): Promise<RunResult> {
  const collector = new Collector(maxOutputBytes, () => execution.signalTree('SIGKILL', null));
  const stdout = collector.collect(execution.stdout);
  const stderr = collector.collect(execution.stderr);
  // A program that does not read its input is no error: the write fails with EPIPE, its exit tells the rest.
  if (input !== undefined) execution.stdin?.end(input);
  const status = await execution.wait();
  // A background process may hold the pipes on; what it writes later belongs to nobody.
  execution.stdout.destroy();
  execution.stderr.destroy();
  if (collector.isTooMuch)
    throw new HatcheryError(
      'ERR_OUTPUT_TOO_LARGE',
      `sandbox.run(): the program wrote more than ${maxOutputBytes} bytes and was killed; raise maxOutputBytes, or use exec() and read its streams`,
    );
  return { ...status, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
}
