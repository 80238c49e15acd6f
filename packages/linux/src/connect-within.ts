import { closeFd } from './fd-registry.ts';
import { native } from './native-binding.ts';
import { watchWritable } from './watch.ts';

/** Where a server listens. */
export interface ServerWithin {
  /** A process in the network namespace meant; setns(2) takes that of its pidfd. */
  readonly pidfd: number;
  /** IPv4 or IPv6, without a zone. */
  readonly address: string;
  /** TCP. */
  readonly port: number;
}

/**
 * A TCP connection to a server in another network namespace, 127.0.0.1 there included (setns(2), connect(2)); the socket is
 * non-blocking, without Nagle's delay, and stays of that namespace. `pidfd` is used before this returns. Rejects with
 * `LinuxError`: ECONNREFUSED (nobody listens), ETIMEDOUT (no answer in about 20 s), ESRCH (the process is dead), EADDRNOTAVAIL,
 * ENETUNREACH, EAFNOSUPPORT, EMFILE, EPERM; when the signal fires, with its reason. A thread that could not come back from
 * there would end the process.
 */
export function connectWithin(server: ServerWithin, signal?: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const fd = native().connectWithin(server.pidfd, server.address, server.port);
    const settle = (): void => {
      signal?.removeEventListener('abort', settle);
      watch[Symbol.dispose]();
      try {
        signal?.throwIfAborted();
        native().requireConnected(fd);
        resolve(fd);
      } catch (error) {
        closeFd(fd);
        reject(error);
      }
    };
    const watch = watchOrClose(fd, settle);
    signal?.addEventListener('abort', settle, { once: true });
  });
}

function watchOrClose(fd: number, onReady: () => void): Disposable {
  try {
    return watchWritable(fd, onReady);
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}
