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
  WriteMessage,
  WrittenMessage,
} from './wire/codec.generated.ts';
import type { DecodedMessage } from './wire/decode.ts';
import { oldestInitVersion, wireVersion } from './wire/messages.ts';
import { WireError } from './wire/wire-error.ts';

const SIGKILL = 9;
const EBUSY = 16;
/** Inits before it have no notion of being paused. */
const pauseVersion = 2;
/** Inits before it write no files. */
const writeVersion = 3;

/** How many writes one init has under way at a time. */
export const maxWrites = 64;

/** Which init it is, and who gets what it says unasked. */
export interface InitConnectionOptions {
  /** For the texts of errors. */
  readonly sandboxId: string;
  /** What init speaks: the `wireVersion` of the runtime that made the sandbox. This runtime's own when left out. */
  readonly wireVersion?: number;
  /** An execution ended; told again on a later connection until it is acknowledged. */
  readonly onExit: (exit: ExitMessage) => void;
  /** After `resume`: one that init still has; its descriptors are the receiver's. Without it they are closed. */
  readonly onExecution?: (execution: ExecutionMessage) => void;
  /** The connection broke; what runs may still run. */
  readonly onClosed: (error: ChannelClosedError) => void;
}

/** What a returning runtime is told at once; executions and exits follow by the callbacks, and all before `ping` resolves. */
export interface ResumedInit {
  /** It takes requests from now on. */
  readonly connection: InitConnection;
  /** O_PATH of the sandbox's root directory, the caller's. */
  readonly root: number;
  /** How many `onExecution` will be told. */
  readonly executions: number;
  /** Null: this init is of a version that does not know; whether `work` is frozen tells. */
  readonly paused: boolean | null;
}

/** How long an answer may take. */
export interface InitRequestOptions {
  /** Milliseconds, then the call rejects with {@link RequestTimeoutError}. Default: as long as it takes. */
  readonly timeoutMs?: number;
  /** Gives up: the call rejects with the signal's reason. What was asked for may still happen. */
  readonly signal?: AbortSignal | undefined;
}

function checkVersion(fd: number, { sandboxId, wireVersion: version = wireVersion }: InitConnectionOptions): void {
  if (Number.isInteger(version) && version >= oldestInitVersion && version <= wireVersion) return;
  closeFd(fd);
  const spoken = `this runtime speaks ${oldestInitVersion} to ${wireVersion}`;
  const seen = `the init of sandbox ${sandboxId} speaks wire version ${version}, ${spoken}; destroy it, or use its runtime`;
  throw new WireError('ERR_WIRE_VERSION', 'encode', null, seen);
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
  /** In the place of an init that does not know. */
  #pausedHere = false;

  /**
   * Owns `fd`, the runtime's end of the pair whose other end went with `make`. Throws WireError for a version that this
   * runtime does not speak; `fd` is closed then.
   */
  constructor(fd: number, options: InitConnectionOptions) {
    checkVersion(fd, options);
    const { promise, resolve, reject } = Promise.withResolvers<ParkedMessage>();
    this.parked = promise;
    // A create that fails elsewhere never looks at it.
    promise.catch(() => {});
    this.#settleParked = { resolve, reject };
    this.#options = options;
    this.#channel = new RequestChannel(fd, {
      route: 'init-to-runtime',
      wireVersion: options.wireVersion,
      peer: `the init of sandbox ${options.sandboxId}`,
      unasked: ['parked', 'failed', 'exit', 'execution'],
      onMessage: (message) => this.#onMessage(message),
      onClosed: (error) => this.#onClosed(error),
    });
  }

  /**
   * Takes the place of an earlier connection, through init.sock: owns `fd`, the connected socket. Resolves when init
   * has welcomed it; what its table holds follows by `onExecution` and `onExit`. Rejects with ShimError (another token,
   * an older epoch), ChannelClosedError (its cause is a WireError when init speaks another version than
   * `options.wireVersion`), RequestTimeoutError, WireError or the signal's reason; nothing is open then, and `onClosed` is
   * not called.
   */
  static async resume(
    fd: number,
    hello: HelloMessage,
    options: InitConnectionOptions,
    request: InitRequestOptions = {},
  ): Promise<ResumedInit> {
    let resumed = false;
    const onClosed = (error: ChannelClosedError): void => {
      if (resumed) options.onClosed(error);
    };
    const connection = new InitConnection(fd, { ...options, onClosed });
    try {
      const { root, executions, paused } = await connection.#channel.request('hello', hello, 'welcome', {
        ...request,
        onLate: (late) => closeFd(late.root),
      });
      // Each message and the end are callbacks of their own: this line runs before the end is told.
      resumed = true;
      return { connection, root, executions, paused: connection.#knowsPause ? paused : null };
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
  async exec(request: ExecMessage, options: InitRequestOptions = {}): Promise<ExecedMessage> {
    if (this.#pausedHere) throw new ShimError('exec', EBUSY, 'exec while the sandbox is paused');
    const onLate = (late: ExecedMessage): void => {
      sendSignal(late.pidfd, SIGKILL);
      closeFd(late.pidfd);
      if (late.terminal !== null) closeFd(late.terminal);
    };
    return this.#channel.request('exec', request, 'execed', { ...options, onLate });
  }

  /**
   * From then on no command is being started and `exec` is refused (ShimError, EBUSY), by this connection and by later
   * ones, so that `work` can be frozen; init waits for a client as long as it takes. Asked twice it resolves, too.
   *
   * An init of version 1 does not know this: it is only waited for until it has started what it was asked to before,
   * this connection refuses `exec` in its place, and its time without a client goes on.
   */
  async pause(options: InitRequestOptions = {}): Promise<void> {
    if (this.#knowsPause) await this.#channel.request('pause', {}, 'paused', options);
    else {
      this.#pausedHere = true;
      await this.ping(options);
    }
  }

  /** Undoes `pause`; thaw `work` before, or the next command stalls init. Resolves when `exec` is taken again. */
  async resumeWork(options: InitRequestOptions = {}): Promise<void> {
    if (this.#knowsPause) await this.#channel.request('resume', {}, 'resumed', options);
    this.#pausedHere = false;
  }

  /** Whether `write` can be asked for; not of an init of version 1 or 2. */
  get writesFiles(): boolean {
    return this.#channel.wireVersion >= writeVersion;
  }

  /**
   * Has a child of init copy `source`, the read end of a pipe, into `target`, a regular file that is open for writing,
   * until end of file; the sandbox is charged for it, also while it is paused. Both stay the caller's: while it keeps
   * `source`, who fills the pipe is not told (EPIPE) that nobody reads any more. Resolves when the child has ended, with
   * what it wrote and the positive errno that ended it early (0: none, ENOSPC and the like).
   *
   * Rejects with ShimError (EAGAIN: `maxWrites` at a time; EINVAL: not such descriptors; EINTR: the child was killed),
   * WireError (`writesFiles` is false), ChannelClosedError, RequestTimeoutError or the signal's reason. After the last
   * three the child goes on until the pipe is closed.
   */
  async write(request: WriteMessage, options: InitRequestOptions = {}): Promise<WrittenMessage> {
    return this.#channel.request('write', request, 'written', options);
  }

  /** The exit is safe here: init may forget it. */
  acknowledge(execution: number): void {
    this.#tell(() => this.#channel.send('acknowledge', { execution }));
  }

  /** Nobody reads these any more (a terminal counts as stdout): init closes what it keeps of them. */
  release(execution: number, streams: { readonly stdout: boolean; readonly stderr: boolean }): void {
    this.#tell(() => this.#channel.send('release', { execution, ...streams }));
  }

  /** Resolves when init has answered: it has taken, and told, everything before. */
  async ping(options: InitRequestOptions = {}): Promise<void> {
    await this.#channel.request('ping', {}, 'pong', options);
  }

  /** Lets the connection keep the event loop alive, as it does from the start. */
  ref(): void {
    this.#channel.ref();
  }

  /** Lets the process end although messages may come. */
  unref(): void {
    this.#channel.unref();
  }

  /** Idempotent. An init that was told to live without a client does; others end their sandbox. */
  close(): void {
    this.#channel.close();
    this.#settleParked?.reject(new Error('the connection was closed before the sandbox was made'));
    this.#settleParked = null;
  }

  get #knowsPause(): boolean {
    return this.#channel.wireVersion >= pauseVersion;
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
