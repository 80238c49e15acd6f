import { native } from './native-binding.ts';

/** A connected pair of SEQPACKET sockets (socketpair(2)), non-blocking and close-on-exec. Throws `LinuxError`. */
export function seqpacketPair(): [number, number] {
  return native().seqpacketPair();
}

/**
 * Connects to the SEQPACKET socket `name` in an open directory, however long that directory's path is. The socket is
 * non-blocking. Throws `LinuxError`: ECONNREFUSED when nobody listens any more, ENOENT, EAGAIN when the listener's
 * backlog is full, EINVAL when `name` is not a single name, ENAMETOOLONG past about 90 bytes.
 */
export function connectSeqpacket(directoryFd: number, name: string): number {
  return native().connectSeqpacket(directoryFd, name);
}
