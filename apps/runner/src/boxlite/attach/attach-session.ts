import type { Logger, OutputEvent } from '@hatchery/runtime';
import type { WebSocket } from 'ws';
import { exitCodeOfStatus } from '../../exit-code.ts';
import type { BoxExecution } from '../executions/box-execution.ts';
import { signalOf } from '../executions/box-signals.ts';
import { type ClientMessage, readClientMessage } from './client-message.ts';
import { FrameSocket } from './frame-socket.ts';
import { OutputFrames } from './output-frames.ts';

/** Standard input that the program has not taken: with more the client is not listened to. */
const untakenBytes = 1_048_576;
/** Who has not been listened to for so long makes room for a client that comes: whether it is still there nobody can know. */
const deafMs = 5000;
/** For the rest of a character: whoever writes one writes all of it. */
const restMs = 1000;

type Stream = 'stdout' | 'stderr';

/**
 * One client attached to one execution. The program waits for a client that is slow to read, and goes on without one that
 * goes away.
 */
export class AttachSession {
  readonly #socket: WebSocket;
  readonly #frames: FrameSocket;
  readonly #attached: BoxExecution;
  readonly #over = new AbortController();
  readonly #output: Readonly<Record<Stream, OutputFrames>> = {
    stdout: new OutputFrames('stdout'),
    stderr: new OutputFrames('stderr'),
  };
  #restTimer: NodeJS.Timeout | undefined;
  /** Since when its client is not listened to, performance.now(); null: it is. */
  #deafSince: number | null = null;
  #isRefused = false;

  constructor(socket: WebSocket, attached: BoxExecution) {
    this.#socket = socket;
    this.#attached = attached;
    this.#frames = new FrameSocket(socket);
    attached.onTaken = () => this.#listen();
    this.#listen();
    socket.on('message', (data: Buffer, isBinary) => (isBinary ? this.#feed(data) : this.#obey(data)));
  }

  get isDeaf(): boolean {
    return this.#deafSince !== null && performance.now() - this.#deafSince > deafMs;
  }

  drop(): void {
    this.#over.abort();
    this.#frames.drop();
  }

  /** Resolves when the connection is gone. @param closing ends it: the server does */
  async run({ closing, logger }: { closing: AbortSignal; logger: Logger }): Promise<void> {
    const leave = (): void => {
      // What the program says from now on is for the next server's client.
      this.#over.abort();
      void this.#frames.end(1001, 'the server ends; the execution goes on');
    };
    const gone = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    closing.addEventListener('abort', leave, { once: true });
    void gone.then(() => this.#over.abort());
    try {
      await this.#pump();
    } catch (error) {
      // The client has gone; or the server ends, and the program's next reader is another server's.
      if (!this.#over.signal.aborted && !closing.aborted) logger.error({ err: error }, 'an attached execution failed');
      void this.#frames.end(1001, 'its output cannot be read here any more');
    }
    await gone;
    clearTimeout(this.#restTimer);
    closing.removeEventListener('abort', leave);
  }

  async #pump(): Promise<void> {
    const { execution, offsets } = this.#attached;
    await this.#skip('stdout', offsets.stdoutOffset);
    await this.#skip('stderr', offsets.stderrOffset);
    const events = execution.attach({ ...offsets, backPressure: true, lend: true, signal: this.#over.signal });
    for await (const event of events) {
      if (event.type === 'data') await this.#pass(event);
      else if (event.type === 'gap') await this.#skip(event.stream, event.offset + (event.bytes ?? 0));
      else await this.#end(exitCodeOfStatus(event.status));
      // Nobody is given what would be taken now.
      if (!this.#frames.accepts) return;
    }
  }

  async #pass({ stream, offset, data }: OutputEvent & { type: 'data' }): Promise<void> {
    clearTimeout(this.#restTimer);
    const frame = this.#output[stream].next(data);
    if (frame !== null) await this.#frames.send(frame);
    // Not what waits in vain for a client that has gone.
    if (this.#frames.accepts) this.#attached.deliver(stream, offset + data.length);
    if (this.#output.stdout.hasRest || this.#output.stderr.hasRest)
      this.#restTimer = setTimeout(() => void this.#flush(), restMs).unref();
  }

  /** What comes begins at `end`. Of a gap that nobody knows: a server was killed in a read, and perhaps nothing is missing. */
  async #skip(stream: Stream, end: number): Promise<void> {
    const lost = this.#attached.skip(stream, end);
    if (lost === 0) return;
    await this.#flush();
    this.#tell(`${lost} bytes of ${stream} are gone: nobody was attached, and the last of it alone is kept`);
  }

  /** @param code null: it has none, it went with its box; the client asks for it then, and is told that it is not there */
  async #end(code: number | null): Promise<void> {
    await this.#flush();
    if (code === null) await this.#frames.end(1001, 'the box has ended');
    else await this.#frames.end(1000, '', { type: 'exit', exit_code: code });
  }

  async #flush(): Promise<void> {
    for (const frames of Object.values(this.#output)) {
      const rest = frames.rest();
      if (rest !== null) await this.#frames.send(rest);
    }
  }

  #feed(bytes: Buffer): void {
    const { stdin } = this.#attached.execution;
    if (stdin === null) this.#refuse('its standard input went with an earlier server');
    else if (stdin.writableEnded || stdin.destroyed) this.#refuse('its standard input is closed');
    else if (this.#attached.feed(stdin, bytes)) this.#listen();
    else {
      this.#refuse('programs of this box have not taken their input, and there is no room for more');
      this.#over.abort();
      void this.#frames.end(1001, 'too much input waits');
    }
  }

  /** Once: who writes much writes it in many pieces. */
  #refuse(message: string): void {
    if (!this.#isRefused) this.#tell(message);
    this.#isRefused = true;
  }

  /** To its client, unless the program has not taken what came before, of others too. */
  #listen(): void {
    if (this.#attached.untaken > untakenBytes) {
      this.#deafSince ??= performance.now();
      this.#socket.pause();
    } else {
      this.#deafSince = null;
      this.#socket.resume();
    }
  }

  #obey(text: Buffer): void {
    try {
      this.#do(readClientMessage(text)).catch((error: unknown) => this.#complain(error));
    } catch (error) {
      this.#complain(error);
    }
  }

  async #do(message: ClientMessage): Promise<void> {
    const { execution } = this.#attached;
    if (message.type === 'resize') await execution.resize({ columns: message.cols, rows: message.rows });
    else if (message.type === 'signal') await execution.kill(signalOf(message.sig));
    else await execution.closeStdin();
  }

  #complain(error: unknown): void {
    this.#tell(error instanceof Error ? error.message : 'the frame could not be understood');
  }

  /** No harm is done by it: the stream goes on. */
  #tell(message: string): void {
    this.#frames.tell({ type: 'error', message });
  }
}
