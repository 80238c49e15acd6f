import { closeFd, type LinuxError, type Message, SeqpacketChannel } from '@hatchery/linux';
import { ChannelClosedError, RequestTimeoutError, ShimError } from './shim-error.ts';
import type { MessageName, WireMessages, WireRoutes } from './wire/codec.generated.ts';
import { type DecodedMessage, decode } from './wire/decode.ts';
import { encode } from './wire/encode.ts';
import { maxMessageBytes, wireVersion } from './wire/messages.ts';
import { WireError } from './wire/wire-error.ts';

/** More than any message carries, so that a wrong count is told as what it is and not as a truncation. */
const maxFds = 80;
const maxRequest = 0xffff_ffff;

/** The routes that end here; the other direction has the same two names turned round. */
type InboundRoute = 'zygote-to-runtime' | 'init-to-runtime';
type Outbound<Route extends InboundRoute> = Route extends 'zygote-to-runtime'
  ? WireRoutes['runtime-to-zygote']
  : WireRoutes['runtime-to-init'];
type Reply<Route extends InboundRoute, Name extends WireRoutes[Route]> = Extract<
  DecodedMessage<Route>,
  { name: Name }
>['message'];

export interface RequestChannelOptions<Route extends InboundRoute> {
  readonly route: Route;
  /** The other end's; this runtime's own when left out. */
  readonly wireVersion?: number | undefined;
  /** For error texts: `the zygote`, `the init of sandbox x`. */
  readonly peer: string;
  /** Messages that come without a request; any other that does is an error. */
  readonly unasked: readonly WireRoutes[Route][];
  /** A message that answers no request. Its descriptors are the receiver's. */
  readonly onMessage: (message: DecodedMessage<Route>) => void;
  /** Called once; every pending request has been rejected with the same error. Not called after `close()`. */
  readonly onClosed: (error: ChannelClosedError) => void;
}

/** How long an answer may take, and who gets a late one. */
export interface RequestOptions<Answer> {
  /** Milliseconds, then the call rejects with `RequestTimeoutError`. Default: as long as it takes. */
  readonly timeoutMs?: number;
  /** Gives up: the call rejects with the signal's reason. What was asked for may still happen. */
  readonly signal?: AbortSignal | undefined;
  /** Gets the answer that comes after the caller was let go; its descriptors are then this function's. */
  readonly onLate?: (answer: Answer) => void;
}

interface Pending {
  readonly expected: string;
  readonly settle: (message: DecodedMessage<InboundRoute>) => void;
  readonly reject: (error: Error) => void;
}

function closeAll(fds: readonly number[]): void {
  for (const fd of fds) closeFd(fd);
}

/** Requests and their numbered answers over one SEQPACKET connection; a slow one never holds up another. */
export class RequestChannel<Route extends InboundRoute> {
  readonly #options: RequestChannelOptions<Route>;
  readonly #channel: SeqpacketChannel;
  readonly #pending = new Map<number, Pending>();
  #lastRequest = 0;
  #closed: ChannelClosedError | null = null;

  /** Owns `fd` from now on. */
  constructor(fd: number, options: RequestChannelOptions<Route>) {
    this.#options = options;
    this.#channel = new SeqpacketChannel(fd, {
      maxBytes: maxMessageBytes,
      maxFds,
      onMessage: (message) => this.#receive(message),
      onClose: (error) => this.#fail(error),
    });
  }

  get closed(): boolean {
    return this.#closed !== null;
  }

  /** What the other end speaks. */
  get wireVersion(): number {
    return this.#options.wireVersion ?? wireVersion;
  }

  /** Sends without waiting for an answer. Throws WireError (nothing was sent) or ChannelClosedError. */
  send<Name extends Outbound<Route> & MessageName>(name: Name, message: WireMessages[Name], request = 0): void {
    if (this.#closed !== null) throw this.#closed;
    const { data, fds } = encode(name, request, message, this.wireVersion);
    try {
      this.#channel.send(data, fds);
    } catch (error) {
      throw new ChannelClosedError(this.#options.peer, error instanceof Error ? error : null);
    }
  }

  /**
   * Sends and resolves with the answer of the kind `answer`. Rejects with ShimError (the shim's `failed`), WireError
   * (refused before it was sent), ChannelClosedError, RequestTimeoutError or the signal's reason.
   */
  request<Name extends Outbound<Route> & MessageName, Answer extends WireRoutes[Route] & MessageName>(
    name: Name,
    message: WireMessages[Name],
    answer: Answer,
    options: RequestOptions<Reply<Route, Answer>> = {},
  ): Promise<Reply<Route, Answer>> {
    return new Promise((resolve, reject) => {
      options.signal?.throwIfAborted();
      const request = this.#nextRequest();
      const letGo = (error: Error): void => {
        stopWaiting();
        // The number stays taken until the answer comes, so that a late one is not taken for another's.
        this.#pending.set(request, {
          expected: answer,
          settle: (late) => this.#late(late, answer, options.onLate),
          reject: () => {},
        });
        reject(error);
      };
      const onAbort = (): void =>
        letGo(
          options.signal?.reason instanceof Error
            ? options.signal.reason
            : new Error('aborted', { cause: options.signal?.reason }),
        );
      const timer =
        options.timeoutMs === undefined
          ? null
          : setTimeout(
              () => letGo(new RequestTimeoutError(this.#options.peer, name, options.timeoutMs ?? 0)),
              options.timeoutMs,
            );
      const stopWaiting = (): void => {
        if (timer !== null) clearTimeout(timer);
        options.signal?.removeEventListener('abort', onAbort);
        this.#pending.delete(request);
      };
      this.#pending.set(request, {
        expected: answer,
        settle: (message) => {
          stopWaiting();
          if (message.name === 'failed')
            reject(new ShimError(message.message.step, message.message.errno, message.message.text));
          // The kind was checked against `expected` before.
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion
          else resolve(message.message as Reply<Route, Answer>);
        },
        reject: (error) => {
          stopWaiting();
          reject(error);
        },
      });
      options.signal?.addEventListener('abort', onAbort, { once: true });
      try {
        this.send(name, message, request);
      } catch (error) {
        stopWaiting();
        throw error;
      }
    });
  }

  /** Idempotent; pending requests are rejected. */
  close(): void {
    this.#shut(new ChannelClosedError(this.#options.peer, new Error('closed here')));
  }

  ref(): void {
    this.#channel.ref();
  }

  unref(): void {
    this.#channel.unref();
  }

  #nextRequest(): number {
    do this.#lastRequest = this.#lastRequest === maxRequest ? 1 : this.#lastRequest + 1;
    while (this.#pending.has(this.#lastRequest));
    return this.#lastRequest;
  }

  #receive(message: Message): void {
    try {
      if (message.truncated)
        throw new WireError(
          'ERR_WIRE_TOO_LARGE',
          'decode',
          null,
          `a message of more than ${maxMessageBytes} bytes (MSG_TRUNC)`,
        );
      if (message.controlTruncated)
        throw new WireError('ERR_WIRE_DESCRIPTORS', 'decode', null, 'descriptors were cut off (MSG_CTRUNC)');
      this.#dispatch(decode(this.#options.route, message.data, message.fds, this.wireVersion));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      closeAll(message.fds);
      this.#fail(error);
    }
  }

  #dispatch(message: DecodedMessage<Route>): void {
    if (message.request === 0) {
      if (!this.#options.unasked.includes(message.name))
        throw new WireError('ERR_WIRE_VALUE', 'decode', message.name, 'answers no request');
      return this.#options.onMessage(message);
    }
    const pending = this.#pending.get(message.request);
    if (pending === undefined)
      throw new WireError(
        'ERR_WIRE_VALUE',
        'decode',
        message.name,
        `answers request ${message.request}, which was not made`,
      );
    if (message.name !== pending.expected && message.name !== 'failed')
      throw new WireError(
        'ERR_WIRE_VALUE',
        'decode',
        message.name,
        `answers request ${message.request}, which expects ${pending.expected}`,
      );
    // The compiler cannot see that a route in hand is one of the two.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    pending.settle(message as DecodedMessage<InboundRoute>);
  }

  #late<Answer extends WireRoutes[Route] & MessageName>(
    late: DecodedMessage<InboundRoute>,
    _answer: Answer,
    onLate: ((answer: Reply<Route, Answer>) => void) | undefined,
  ): void {
    this.#pending.delete(late.request);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    if (late.name !== 'failed') onLate?.(late.message as Reply<Route, Answer>);
  }

  #fail(cause: LinuxError | WireError | null): void {
    const error = new ChannelClosedError(this.#options.peer, cause);
    if (this.#shut(error)) this.#options.onClosed(error);
  }

  #shut(error: ChannelClosedError): boolean {
    if (this.#closed !== null) return false;
    this.#closed = error;
    this.#channel.close();
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    return true;
  }
}
