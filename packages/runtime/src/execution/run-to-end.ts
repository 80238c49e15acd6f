import type { Readable } from 'node:stream';
import type { RunResult } from '../types.ts';
import type { LiveExecution } from './execution.ts';

function collect(stream: Readable): Buffer[] {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return chunks;
}

/** Feeds the input, waits for the exit and returns with everything that was written until then. */
export async function runToEnd(execution: LiveExecution, input: Uint8Array | string | undefined): Promise<RunResult> {
  const stdout = collect(execution.stdout);
  const stderr = collect(execution.stderr);
  // A program that does not read its input is no error: the write fails with EPIPE, its exit tells the rest.
  if (input !== undefined) execution.stdin?.end(input);
  const status = await execution.wait();
  // A background process may hold the pipes on; what it writes later belongs to nobody.
  execution.stdout.destroy();
  execution.stderr.destroy();
  return { ...status, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
}
