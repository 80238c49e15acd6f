import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { type Execution, HatcheryError, type OutputEvent, type Sandbox, type TerminalSize } from '@hatchery/runtime';
import { type ClientFrame, clientFrames, encodeFrame, piecesOf, type ServerFrame, stdinWindow } from '../wire/frame.ts';
import { decodePayload, type Frame, FrameError, FrameReader } from '../wire/frame-reader.ts';
import type { ExecRequest } from '../wire/views.ts';
import type { ServeContext } from './context.ts';
import { toErrorResponse } from './error-response.ts';
import { closeOutputSchema, execRequestSchema, resizeSchema, signalSchema } from './schemas.ts';
import { compileValidator } from './validator.ts';

/** A client that has asked for the upgrade knows what to run. */
const startWithinMs = 30_000;

const validators = {
  start: compileValidator(execRequestSchema),
  resize: compileValidator(resizeSchema),
  signal: compileValidator(signalSchema),
  closeOutput: compileValidator(closeOutputSchema),
};

/**
 * One client attached to one execution, which it starts. The program waits for a client that is slow to read, and ends
 * with one that goes away: its whole tree is killed, as if the client had run it itself.
 */
export class ExecSession {
  readonly #socket: Duplex;
  readonly #sandbox: Sandbox;
  readonly #context: ServeContext;
  readonly #reader = new FrameReader<ClientFrame>(clientFrames);
  /** Ends the program's tree. */
  readonly #kill = new AbortController();
  /** Nobody is told anything any more. */
  readonly #over = new AbortController();
  #startTimer: NodeJS.Timeout | undefined;
  #isStarted = false;
  #execution: Execution | null = null;
  /** Bytes of standard input that the program has not taken. */
  #untaken = 0;

  constructor(socket: Duplex, sandbox: Sandbox, context: ServeContext) {
    this.#socket = socket;
    this.#sandbox = sandbox;
    this.#context = context;
  }

  /** Resolves when the connection is gone. `head`: what came behind the request. */
  async run(head: Buffer): Promise<void> {
    this.#startTimer = setTimeout(
      () => this.#fail(new FrameError('no frame "start" came in 30 seconds')),
      startWithinMs,
    );
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    // Half a connection is none: the client has nobody to write to any more.
    this.#socket.once('end', () => this.#clientGone());
    this.#receive(head);
    try {
      await finished(this.#socket);
    } catch {
      // However it broke.
    } finally {
      clearTimeout(this.#startTimer);
      this.#clientGone();
    }
  }

  /** The server ends and the program goes on without a client. */
  leave(): void {
    const text = `the server ends; the execution goes on, see hatchery logs ${this.#sandbox.id} ${this.#execution?.id ?? ''}`;
    this.#finish('error', new HatcheryError('ERR_RUNTIME_CLOSED', text));
  }

  /** Breaks the connection, whatever is on the way. */
  drop(): void {
    this.#socket.destroy();
  }

  #clientGone(): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    this.#kill.abort();
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    if (this.#over.signal.aborted) return;
    try {
      for (const frame of this.#reader.read(chunk)) this.#handle(frame);
    } catch (error) {
      this.#fail(error);
    }
  }

  #handle(frame: Frame<ClientFrame>): void {
    if (frame.name === 'start') {
      if (this.#isStarted) throw new FrameError('a second frame "start" came');
      this.#isStarted = true;
      clearTimeout(this.#startTimer);
      this.#start(checked(frame) as ExecRequest).catch((error: unknown) => this.#fail(error));
      return;
    }
    const execution = this.#execution;
    if (execution === null) throw new FrameError(`a frame "${frame.name}" came before "started" was sent`);
    const orFail = (error: unknown): void => this.#fail(error);
    switch (frame.name) {
      case 'stdin':
        this.#feed(execution, frame.payload);
        break;
      case 'resize':
        execution.resize(checked(frame) as TerminalSize).catch(orFail);
        break;
      case 'signal':
        execution.kill((checked(frame) as { signal: NodeJS.Signals }).signal).catch(orFail);
        break;
      case 'closeOutput':
        execution[(checked(frame) as { stream: 'stdout' | 'stderr' }).stream].destroy();
        break;
      case 'end':
        this.#kill.abort();
        break;
    }
  }

  async #start({ command, options }: ExecRequest): Promise<void> {
    const execution = await this.#sandbox.exec(command, { ...options, signal: this.#kill.signal });
    this.#context.executions.add(this.#sandbox, execution, command);
    this.#execution = execution;
    const { id, pid } = execution;
    void this.#send('started', { id, pid });
    for await (const event of execution.attach({ backPressure: true, lend: true, signal: this.#over.signal }))
      await this.#tell(event);
  }

  /** Resolves when there is room for more. */
  async #tell(event: OutputEvent): Promise<void> {
    if (event.type === 'exit') this.#finish('exit', event.status);
    else if (event.type === 'gap')
      await this.#send('gap', { stream: event.stream, offset: event.offset, bytes: event.bytes });
    else for (const piece of piecesOf(event.data)) await this.#send(event.stream, piece);
  }

  /** The client keeps to the window, so that a signal never waits behind input that nobody reads. */
  #feed({ stdin }: Execution, bytes: Buffer): void {
    if (stdin === null) throw new FrameError('standard input came for a program that has none');
    if (bytes.length === 0) {
      stdin.end();
      return;
    }
    this.#untaken += bytes.length;
    if (this.#untaken > stdinWindow)
      throw new FrameError(`more than ${stdinWindow} bytes of standard input came before they were taken`);
    stdin.write(bytes, (error) => {
      this.#untaken -= bytes.length;
      void this.#send('taken', { bytes: bytes.length, closed: error !== null && error !== undefined });
    });
  }

  #fail(error: unknown): void {
    if (this.#over.signal.aborted) return;
    if (!toErrorResponse(error).isExpected) this.#context.logger.error({ err: error }, 'an attached execution failed');
    this.#kill.abort();
    this.#finish('error', error);
  }

  /** The last frame. */
  #finish(name: 'exit' | 'error', value: unknown): void {
    if (this.#over.signal.aborted) return;
    const last = name === 'error' ? toErrorResponse(value).body.error : (value as object);
    void this.#send(name, last);
    this.#over.abort();
    this.#socket.end();
  }

  async #send(name: ServerFrame, payload: Uint8Array | object): Promise<void> {
    if (this.#over.signal.aborted || this.#socket.write(encodeFrame(name, payload))) return;
    await this.#drained();
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#socket.off('drain', done);
        this.#over.signal.removeEventListener('abort', done);
        resolve();
      };
      this.#socket.once('drain', done);
      this.#over.signal.addEventListener('abort', done, { once: true });
    });
  }
}

/** The JSON of a frame, as its schema has it. Throws FrameError. */
function checked(frame: Frame<keyof typeof validators>): unknown {
  const value = decodePayload(frame);
  const trouble = validators[frame.name](value);
  if (trouble !== null) throw new FrameError(`frame "${frame.name}": ${trouble}`);
  return value;
}
