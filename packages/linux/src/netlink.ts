import { native } from './native-binding.ts';

/** Protocols of netlink(7) that `netlinkTransaction` is used with. */
export const NetlinkProtocol = {
  /** Links, addresses, routes: rtnetlink(7). */
  NETLINK_ROUTE: 0,
  /** Sockets: sock_diag(7). */
  NETLINK_SOCK_DIAG: 4,
  /** nftables and connection tracking. */
  NETLINK_NETFILTER: 12,
} as const;

/**
 * Sends whole netlink messages to the kernel and resolves, once each that has NLM_F_ACK or NLM_F_DUMP has ended, with
 * what came back beside acknowledgements (netlink(7)). Runs in a thread of its own, in the network namespace of the
 * descriptor `netns`, which is borrowed; null: this process's. Rejects with `LinuxError`: the errno of the first message
 * that was refused and the kernel's words, EINVAL (no whole messages), EAGAIN (no answer within 10 s).
 */
export function netlinkTransaction(netns: number | null, protocol: number, messages: Uint8Array): Promise<Buffer> {
  return native().netlinkTransaction(netns, protocol, messages);
}

/**
 * A netlink socket in the network namespace of the descriptor `netns`, which is borrowed (null: this process's), for
 * `netlinkExchange`. Owned by the calling thread (`closeNetlink`). Rejects with `LinuxError`.
 */
export function openNetlink(netns: number | null, protocol: number): Promise<number> {
  return native().openNetlink(netns, protocol);
}

/**
 * Closes a socket of `openNetlink` away from the caller's thread: of netfilter's the kernel lets go only once everything that
 * was deleted by anybody is freed, 10 ms and more. Throws `LinuxError` EBADF when this thread does not own it.
 */
export function closeNetlink(socket: number): Promise<void> {
  return native().closeNetlink(socket);
}

/**
 * As `netlinkTransaction`, over a socket of `openNetlink`, which is borrowed and stays open. One exchange at a time; after one
 * that was rejected answers may be left in the socket: close it then. Runs in a thread of libuv's pool.
 */
export function netlinkExchange(socket: number, messages: Uint8Array): Promise<Buffer> {
  return native().netlinkExchange(socket, messages);
}

/**
 * Reads a sysctl below /proc/sys/net of a network namespace (null: this process's), writes it when a value is given,
 * and resolves with what it was before. Runs in a thread of its own. Rejects with `LinuxError`: ENOENT, EACCES, EINVAL.
 */
export function networkSysctl(netns: number | null, name: string, value: string | null): Promise<string> {
  return native().networkSysctl(netns, name, value);
}
