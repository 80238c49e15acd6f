import { Socket } from 'node:net';
import { closeFd, connectWithin, LinuxError, releaseFd } from '@hatchery/linux';

/** Where servers of a sandbox may listen, each asked when nobody does at the one before. */
const loopback = ['127.0.0.1', '::1'];

/** What means that nobody listens at this address, which another one may have a server for. */
const nobodyThere: ReadonlySet<string> = new Set(['ECONNREFUSED', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'ENETUNREACH']);

/** TCP connections into one lifecycle, from within its network namespace. None outlives it. */
export class Connections {
  readonly #pidfd: number;
  readonly #addresses: readonly string[];
  readonly #open = new Set<Socket>();
  /** Fires before the pidfd is closed. */
  readonly #over = new AbortController();

  /**
   * @param ending fires when the end of the lifecycle begins
   * @param address of its network slot, where a server may listen that does not on loopback; null: it has none
   */
  constructor(pidfd: number, ending: AbortSignal, address: string | null) {
    this.#pidfd = pidfd;
    this.#addresses = address === null ? loopback : [...loopback, address];
    if (ending.aborted) this.end(ending.reason);
    else ending.addEventListener('abort', () => this.end(ending.reason), { once: true });
  }

  /** Rejects with the LinuxError of the address that was asked first, or with the reason of the signal or of the end. */
  async connect(port: number, signal: AbortSignal | undefined): Promise<Socket> {
    const over = this.#over.signal;
    const fd = await this.#reach(port, signal === undefined ? over : AbortSignal.any([over, signal]));
    return this.#take(fd);
  }

  /** Those that listen for errors are told the reason; iterators and pipelines do. Any number of times. */
  end(reason: unknown): void {
    this.#over.abort(reason);
    const error = reason instanceof Error ? reason : new Error(String(reason));
    for (const socket of this.#open) socket.destroy(error);
  }

  async #reach(port: number, signal: AbortSignal): Promise<number> {
    let first: LinuxError | null = null;
    for (const address of this.#addresses) {
      try {
        return await connectWithin({ pidfd: this.#pidfd, address, port }, signal);
      } catch (error) {
        if (!(error instanceof LinuxError) || !nobodyThere.has(error.code)) throw error;
        first ??= error;
      }
    }
    throw first;
  }

  #take(fd: number): Socket {
    const socket = socketOf(fd);
    // Unheard an error would end the process: a server inside can reset the connection before anybody listens here.
    socket.on('error', () => {});
    // The end has begun between the connection and this: nobody but we can have heard of it.
    if (this.#over.signal.aborted) {
      socket.destroy();
      throw this.#over.signal.reason;
    }
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    return socket;
  }
}

/** The descriptor is the socket's from then on. */
function socketOf(fd: number): Socket {
  try {
    const socket = new Socket({ fd, readable: true, writable: true, allowHalfOpen: true });
    releaseFd(fd);
    return socket;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}
