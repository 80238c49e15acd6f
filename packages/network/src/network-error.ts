/**
 * The closed list of what can go wrong in this package.
 *
 * - `ERR_NETWORK_OPTION`: an option or a place of a slot that cannot be.
 * - `ERR_NETWORK_RULES`: an entry of `allow` or `deny` that is no rule, or one that a slot cannot keep.
 * - `ERR_NETWORK_UNSUPPORTED`: the kernel lacks nf_tables, veth or another part; see `cause`.
 * - `ERR_NETWORK_PERMISSION`: the process may not change networks (CAP_NET_ADMIN, CAP_SYS_ADMIN).
 * - `ERR_NETWORK_RANGE`: the address range is in use on this machine, or all of it is leased.
 * - `ERR_NETWORK_FAILED`: the kernel refused a step for another reason; see `cause`.
 * - `ERR_NETWORK_CLOSED`: the network was closed.
 */
export type NetworkErrorCode =
  | 'ERR_NETWORK_OPTION'
  | 'ERR_NETWORK_RULES'
  | 'ERR_NETWORK_UNSUPPORTED'
  | 'ERR_NETWORK_PERMISSION'
  | 'ERR_NETWORK_RANGE'
  | 'ERR_NETWORK_FAILED'
  | 'ERR_NETWORK_CLOSED';

/** An error of this package. `step` is what was being done; `cause` the error underneath, where there was one. */
export class NetworkError extends Error {
  /** The name of this class. */
  override readonly name = 'NetworkError';
  /** Which of the closed list it is. */
  readonly code: NetworkErrorCode;
  /** What was being done. */
  readonly step: string;

  constructor(code: NetworkErrorCode, step: string, text: string, options?: ErrorOptions) {
    super(`[${code}] ${step}: ${text}`, options);
    this.code = code;
    this.step = step;
  }
}

const advice: Readonly<Record<string, [NetworkErrorCode, string]>> = {
  EPERM: ['ERR_NETWORK_PERMISSION', 'run as root with CAP_NET_ADMIN and CAP_SYS_ADMIN'],
  EACCES: ['ERR_NETWORK_PERMISSION', 'run as root with CAP_NET_ADMIN and CAP_SYS_ADMIN, and a writable /proc/sys/net'],
  EPROTONOSUPPORT: ['ERR_NETWORK_UNSUPPORTED', 'the kernel needs nf_tables, veth and nf_conntrack'],
  EOPNOTSUPP: [
    'ERR_NETWORK_UNSUPPORTED',
    'the kernel needs nf_tables (inet, arp, nat, fib, reject), veth and nf_conntrack',
  ],
};

/** The one place where an error of a system call becomes one of this package. */
export function networkError(step: string, cause: unknown): NetworkError {
  if (cause instanceof NetworkError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  const [ours, what] = advice[code ?? ''] ?? ['ERR_NETWORK_FAILED', 'nothing of this step is left'];
  return new NetworkError(ours, step, `${message}; ${what}`, { cause });
}
