import { CliError } from '../cli-error.ts';
import type { RemoteEvent } from '../client/remote-event.ts';
import { isBrokenPipe, reportError } from '../report-error.ts';
import { write } from '../write.ts';

type StreamName = 'stdout' | 'stderr';

/** Copies what a program behind the server writes to our own streams, in its order; a slow reader of ours is waited for. */
export class OutputCopy {
  readonly #onReaderGone: (stream: StreamName) => void;
  readonly #gone = new Set<StreamName>();

  /** @param onReaderGone the reader of that stream of ours has gone; called once for each */
  constructor(onReaderGone: (stream: StreamName) => void) {
    this.#onReaderGone = onReaderGone;
  }

  /** @throws CliError when ours cannot be written for another reason than a reader that has gone. */
  async take(event: Exclude<RemoteEvent, { type: 'exit' }>): Promise<void> {
    if (event.type === 'gap') return await reportError(gapError(event));
    if (this.#gone.has(event.stream)) return;
    try {
      await write(process[event.stream], event.data);
    } catch (error) {
      if (!isBrokenPipe(error)) throw outputError(error);
      this.#gone.add(event.stream);
      this.#onReaderGone(event.stream);
    }
  }
}

function gapError({ bytes, stream, offset }: Extract<RemoteEvent, { type: 'gap' }>): CliError {
  const count = bytes === null ? 'an unknown number of bytes' : `${bytes} bytes`;
  return new CliError('ERR_OUTPUT_GAP', `${count} of ${stream} from offset ${offset} on are no longer kept`);
}

function outputError(error: unknown): CliError {
  const happened = error instanceof Error ? error.message : String(error);
  return new CliError('ERR_OUTPUT', `writing the program's output failed: ${happened}`);
}
