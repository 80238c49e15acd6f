import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import type { ExitStatus, OutputEvent } from '@hatchery/runtime';
import type { ProcessEventSchema } from '../protocol/process.generated.ts';
import type { Listener } from './audience.ts';
import { endEventOf, isGone } from './end-event.ts';
import type { EnvdProcess } from './envd-process.ts';

export type ProcessMessage = MessageInitShape<typeof ProcessEventSchema>;

/** What clients are used to get at a time. */
const pieceBytes = 32_768;
const ptyPieceBytes = 16_384;

/** The process went with its sandbox: nobody knows how it would have ended. */
export class SandboxGone extends Error {}

/**
 * One client's stream of a process: where it begins, what was written, how it ended. It begins behind what some client has
 * been given, so that what came while nobody was there is not lost as long as it is kept; what is no longer kept is left out
 * there. Later a hole is an error: nobody takes what is behind it for the rest.
 */
export class ProcessStream implements Listener {
  readonly #process: EnvdProcess;
  readonly #signal: AbortSignal;
  readonly #offsets: { stdout: number; stderr: number };
  #attachment: AbortController = new AbortController();
  #events: AsyncIterator<OutputEvent> | null = null;
  #busySince: number | null = null;
  #exit: ExitStatus | null = null;
  /** Those that it has told something of. */
  readonly #begun = new Set<'stdout' | 'stderr'>();

  /** @param signal ends it; what it was aborted with is thrown then */
  constructor(process: EnvdProcess, signal: AbortSignal) {
    this.#process = process;
    this.#signal = signal;
    this.#offsets = { ...process.record.delivered };
  }

  get busySince(): number | null {
    return this.#busySince;
  }

  changed(): void {
    this.#attachment.abort();
    // While its client is waited for nobody looks at the signal.
    void this.#events?.return?.()?.catch(() => {});
  }

  async *messages(): AsyncGenerator<ProcessMessage> {
    const { audience, pid } = this.#process;
    audience.add(this);
    try {
      yield { event: { case: 'start', value: { pid } } };
      while (this.#exit === null) {
        for await (const event of this.#attach()) {
          if (event.type === 'exit') this.#exit = event.status;
          else if (event.type === 'data') yield* this.#pieces(event);
          else this.#skip(event);
        }
      }
      if (isGone(this.#exit)) throw new SandboxGone();
      yield { event: { case: 'end', value: endEventOf(this.#exit) } };
    } finally {
      audience.delete(this);
    }
  }

  /** Ends without an exit when it is to begin anew, from where it was. Throws what `signal` was aborted with. */
  async *#attach(): AsyncGenerator<OutputEvent> {
    const { execution, audience } = this.#process;
    this.#attachment = new AbortController();
    const signal = AbortSignal.any([this.#signal, this.#attachment.signal]);
    const { stdout, stderr } = this.#offsets;
    const backPressure = audience.isFirst(this);
    const events = execution.attach({
      stdoutOffset: stdout,
      stderrOffset: stderr,
      backPressure,
      lend: true,
      toEnd: true,
      signal,
    });
    this.#events = events;
    try {
      yield* events;
    } catch (error) {
      if (this.#signal.aborted) throw this.#signal.reason;
      if (!this.#attachment.signal.aborted) throw error;
    }
  }

  #skip({ stream, offset, bytes }: OutputEvent & { type: 'gap' }): void {
    // An earlier server was killed in a read: perhaps nothing is missing, and nobody can tell.
    if (bytes === null) return;
    if (this.#begun.has(stream)) throw lost(this.#process.pid);
    this.#offsets[stream] = offset + bytes;
  }

  async *#pieces({ stream, offset, data }: OutputEvent & { type: 'data' }): AsyncGenerator<ProcessMessage> {
    const { isPty, record } = this.#process;
    const size = isPty ? ptyPieceBytes : pieceBytes;
    this.#begun.add(stream);
    for (let at = 0; at < data.length; at += size) {
      const piece = data.subarray(at, at + size);
      const value = piece.toString('base64');
      this.#busySince = performance.now();
      yield { event: { case: 'data', value: { output: { case: isPty ? 'pty' : stream, value } } } };
      this.#busySince = null;
      // Asked for the next: this one has gone to the client.
      this.#offsets[stream] = offset + at + piece.length;
      record.deliver(stream, this.#offsets[stream]);
      // The memory of the rest was lent by an attachment that is over.
      if (this.#attachment.signal.aborted) return;
    }
  }
}

function lost(pid: number): ConnectError {
  return new ConnectError(
    `output of process ${pid} is lost to this stream: another one listens, for which the process waits, and this one was too slow`,
    Code.DataLoss,
  );
}
