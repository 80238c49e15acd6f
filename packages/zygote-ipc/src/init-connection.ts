import { closeFd, sendSignal } from '@hatchery/linux';
import { RequestChannel } from './request-channel.ts';
import { ChannelClosedError, ShimError } from './shim-error.ts';
import type {
  ExecedMessage,
  ExecMessage,
  ExecutionMessage,
  ExitMessage,
  HelloMessage,
  ParkedMessage,
  StartMessage,
} from './wire/codec.generated.ts';
import type { DecodedMessage } from './wire/decode.ts';

const SIGKILL = 9;

export interface InitConnectionOptions {
  readonly sandboxId: string;
  /** An execution ended; told again on a later connection until it is acknowledged. */
  readonly onExit: (exit: ExitMessage) => void;
  /** After `resume`: one that init still has; its descriptors are the receiver's. Without it they are closed. */
  readonly onExecution?: (execution: ExecutionMessage) => void;
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
  /** Why init does not take this connection. */
  #refusal: ShimError | null = null;

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
      unasked: ['parked', 'failed', 'exit', 'execution'],
      onMessage: (message) => this.#onMessage(message),
      onClosed: (error) => this.#onClosed(error),
    });
  }

  /**
   * Takes the place of an earlier connection, through init.sock: owns `fd`, the connected socket. Resolves when init
   * has welcomed it; what its table holds follows by `onExecution` and `onExit`. Rejects with ShimError (another token,
   * an older epoch), ChannelClosedError, RequestTimeoutError or the signal's reason; nothing is open then, and
   * `onClosed` is not called.
   */
  static async resume(
    fd: number,
    hello: HelloMessage,
    options: InitConnectionOptions,
    request: InitRequestOptions = {},
  ): Promise<{ connection: InitConnection; root: number }> {
    let resumed = false;
    const onClosed = (error: ChannelClosedError): void => {
      if (resumed) options.onClosed(error);
    };
    const connection = new InitConnection(fd, { ...options, onClosed });
    try {
      const { root } = await connection.#channel.request('hello', hello, 'welcome', {
        ...request,
        onLate: (late) => closeFd(late.root),
      });
      // Each message and the end are callbacks of their own: this line runs before the end is told.
      resumed = true;
      return { connection, root };
    } catch (error) {
      connection.close();
      throw connection.#refusal ?? error;
    }
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
      if (late.terminal !== null) closeFd(late.terminal);
    };
    return this.#channel.request('exec', request, 'execed', { ...options, onLate });
  }

  /** The exit is safe here: init may forget it. */
  acknowledge(execution: number): void {
    this.#tell(() => this.#channel.send('acknowledge', { execution }));
  }

  /** Nobody reads these any more (a terminal counts as stdout): init closes what it keeps of them. */
  release(execution: number, streams: { readonly stdout: boolean; readonly stderr: boolean }): void {
    this.#tell(() => this.#channel.send('release', { execution, ...streams }));
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

  #tell(send: () => void): void {
    try {
      send();
    } catch (error) {
      // Init is gone, and with it the table that this is about; or it is told everything anew on the next connection.
      if (!(error instanceof ChannelClosedError)) throw error;
    }
  }

  #onMessage(message: DecodedMessage<'init-to-runtime'>): void {
    if (message.name === 'exit') this.#options.onExit(message.message);
    else if (message.name === 'execution') this.#onExecution(message.message);
    else if (message.name === 'parked') {
      if (this.#settleParked === null) closeFd(message.message.root);
      this.#settleParked?.resolve(message.message);
      this.#settleParked = null;
    } else if (message.name === 'failed') {
      const { step, errno, text } = message.message;
      this.#refusal = new ShimError(step, errno, text);
      this.#settleParked?.reject(this.#refusal);
      this.#settleParked = null;
    }
  }

  #onExecution(message: ExecutionMessage): void {
    if (this.#options.onExecution !== undefined) return this.#options.onExecution(message);
    const { pidfd, terminal, stdoutKept, stderrKept, ring } = message;
    for (const fd of [pidfd, terminal, stdoutKept, stderrKept, ring]) if (fd !== null) closeFd(fd);
  }

  #onClosed(error: ChannelClosedError): void {
    this.#settleParked?.reject(error);
    this.#settleParked = null;
    this.#options.onClosed(error);
  }
}
