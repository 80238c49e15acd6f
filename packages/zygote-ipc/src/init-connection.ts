import { closeFd, sendSignal } from '@hatchery/linux';
import { RequestChannel } from './request-channel.ts';
import { ChannelClosedError, ShimError } from './shim-error.ts';
import type { ExecedMessage, ExecMessage, ExitMessage, ParkedMessage, StartMessage } from './wire/codec.generated.ts';
import type { DecodedMessage } from './wire/decode.ts';

const SIGKILL = 9;

export interface InitConnectionOptions {
  readonly sandboxId: string;
  /** An execution ended; told again on a later connection until it is acknowledged. */
  readonly onExit: (exit: ExitMessage) => void;
  /** The connection broke; what runs may still run. */
  readonly onClosed: (error: ChannelClosedError) => void;
}

export interface InitRequestOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** The runtime's end of the connection to one sandbox's init. */
export class InitConnection {
  /** Resolves when the root is in place; rejects with ShimError naming the step of the checklist that failed. */
  readonly parked: Promise<ParkedMessage>;
  readonly #channel: RequestChannel<'init-to-runtime'>;
  readonly #options: InitConnectionOptions;
  #settleParked: { resolve: (parked: ParkedMessage) => void; reject: (error: Error) => void } | null;

  /** Owns `fd`, the runtime's end of the pair whose other end went with `make`. */
  constructor(fd: number, options: InitConnectionOptions) {
    const { promise, resolve, reject } = Promise.withResolvers<ParkedMessage>();
    this.parked = promise;
    // A create that fails elsewhere never looks at it.
    promise.catch(() => {});
    this.#settleParked = { resolve, reject };
    this.#options = options;
    this.#channel = new RequestChannel(fd, {
      route: 'init-to-runtime',
      peer: `the init of sandbox ${options.sandboxId}`,
      unasked: ['parked', 'failed', 'exit'],
      onMessage: (message) => this.#onMessage(message),
      onClosed: (error) => this.#onClosed(error),
    });
  }

  /** Step two of a create; the descriptor of the cgroup stays the caller's. */
  async start(request: StartMessage, options: InitRequestOptions = {}): Promise<void> {
    await this.#channel.request('start', request, 'ready', options);
  }

  /**
   * Starts a command; resolves once execve has succeeded, with a pidfd that is the caller's. Rejects with ShimError whose
   * step is that of the child. After a timeout or an abort, a command that starts all the same is killed.
   */
  exec(request: ExecMessage, options: InitRequestOptions = {}): Promise<ExecedMessage> {
    const onLate = (late: ExecedMessage): void => {
      sendSignal(late.pidfd, SIGKILL);
      closeFd(late.pidfd);
    };
    return this.#channel.request('exec', request, 'execed', { ...options, onLate });
  }

  /** The exit is safe here: init may forget it. */
  acknowledge(execution: number): void {
    try {
      this.#channel.send('acknowledge', { execution });
    } catch (error) {
      // Init is gone, and with it the table that this entry was to be taken out of.
      if (!(error instanceof ChannelClosedError)) throw error;
    }
  }

  async ping(options: InitRequestOptions = {}): Promise<void> {
    await this.#channel.request('ping', {}, 'pong', options);
  }

  ref(): void {
    this.#channel.ref();
  }

  unref(): void {
    this.#channel.unref();
  }

  /** Idempotent. An init that was told to live without a client does; others end their sandbox. */
  close(): void {
    this.#channel.close();
    this.#settleParked?.reject(new Error('the connection was closed before the sandbox was made'));
    this.#settleParked = null;
  }

  #onMessage(message: DecodedMessage<'init-to-runtime'>): void {
    if (message.name === 'exit') this.#options.onExit(message.message);
    else if (message.name === 'parked') {
      if (this.#settleParked === null) closeFd(message.message.root);
      this.#settleParked?.resolve(message.message);
      this.#settleParked = null;
    } else if (message.name === 'failed') {
      const { step, errno, text } = message.message;
      this.#settleParked?.reject(new ShimError(step, errno, text));
      this.#settleParked = null;
    }
  }

  #onClosed(error: ChannelClosedError): void {
    this.#settleParked?.reject(error);
    this.#settleParked = null;
    this.#options.onClosed(error);
  }
}
