import type { Duplex } from 'node:stream';
import type { TerminalSize } from '@hatchery/runtime';
import { CliError } from '../cli-error.ts';
import { type ClientFrame, encodeFrame, type ServerFrame, serverFrames } from '../wire/frame.ts';
import { decodePayload, type Frame, FrameReader } from '../wire/frame-reader.ts';
import type { ExecRequest, TakenView } from '../wire/views.ts';
import type { Client } from './client.ts';
import { eventOf, type RemoteEvent } from './remote-event.ts';
import { RemoteInput } from './remote-input.ts';
import { readError } from './server-error.ts';
import { toJson } from './to-json.ts';

/** The client's end of one attached execution. It ends with this process, or with `close()`. */
export class ExecSession {
  readonly #socket: Duplex;
  readonly #frames: AsyncGenerator<Frame<ServerFrame>>;
  /** null unless it was asked for; takes as much as the program takes. */
  readonly stdin: RemoteInput | null;

  private constructor(socket: Duplex, frames: AsyncGenerator<Frame<ServerFrame>>, hasInput: boolean) {
    this.#socket = socket;
    this.#frames = frames;
    this.stdin = hasInput ? new RemoteInput((bytes) => this.#send('stdin', bytes)) : null;
  }

  /** Resolves when the program runs. An abort before that ends what was begun. */
  static async start(
    client: Client,
    sandboxId: string,
    request: ExecRequest,
    signal: AbortSignal,
  ): Promise<ExecSession> {
    const start = encodeFrame('start', Buffer.from(toJson(request)));
    const { socket, head } = await client.upgrade(`/v1/sandboxes/${encodeURIComponent(sandboxId)}/exec`, signal);
    const giveUp = (): void => void socket.destroy(signal.reason as Error);
    signal.addEventListener('abort', giveUp, { once: true });
    const frames = framesOf(socket, head);
    socket.on('error', () => {}); // reading tells it
    socket.write(start);
    const session = new ExecSession(socket, frames, request.options?.stdin === 'pipe');
    try {
      await session.#next('started');
      return session;
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  /** Everything it writes, then its exit. Has to be read for anything to go on, and only once. */
  async *output(): AsyncGenerator<RemoteEvent> {
    try {
      for (;;) {
        const frame = await this.#next('exit', 'stdout', 'stderr', 'gap', 'taken');
        if (frame.name === 'taken') this.stdin?.taken(decodePayload(frame) as TakenView);
        else yield eventOf(frame);
        if (frame.name === 'exit') return;
      }
    } finally {
      this.close();
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#send('signal', { signal });
  }

  resize(size: TerminalSize): void {
    this.#send('resize', size);
  }

  /** The program gets SIGPIPE when it writes to that stream. */
  closeOutput(stream: 'stdout' | 'stderr'): void {
    this.#send('closeOutput', { stream });
  }

  /** Kills the program with all its descendants; its exit follows. */
  end(): void {
    this.#send('end', Buffer.alloc(0));
  }

  /** Leaves; a program that still runs is killed. */
  close(): void {
    this.stdin?.destroy();
    this.#socket.destroy();
  }

  #send(name: ClientFrame, payload: Uint8Array | object): void {
    if (this.#socket.writable) this.#socket.write(encodeFrame(name, payload));
  }

  async #next(...expected: ServerFrame[]): Promise<Frame<ServerFrame>> {
    const { value: frame, done } = await this.#frames.next();
    if (done === true) throw lost('it ended before the program did');
    if (expected.includes(frame.name)) return frame;
    throw (frame.name === 'error' ? readError(decodePayload(frame)) : null) ?? lost(`a frame "${frame.name}" came`);
  }
}

async function* framesOf(socket: Duplex, head: Buffer): AsyncGenerator<Frame<ServerFrame>> {
  const reader = new FrameReader<ServerFrame>(serverFrames);
  yield* reader.read(head);
  try {
    for await (const chunk of socket) yield* reader.read(chunk as Buffer);
  } catch (error) {
    throw lost(error instanceof Error ? error.message : String(error));
  }
}

function lost(happened: string): CliError {
  return new CliError(
    'ERR_SERVER_LOST',
    `the connection to the server broke: ${happened}; if only the server has gone, the program goes on: start it again, then hatchery ps and logs`,
  );
}
