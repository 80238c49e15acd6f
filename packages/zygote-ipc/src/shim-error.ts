import { getSystemErrorMap } from 'node:util';

/** A step that failed in the shim, as it crossed the wire: {step, errno, text}. */
export class ShimError extends Error {
  /** The name of this class. */
  override readonly name = 'ShimError';
  /** Name of the errno, e.g. `ENOENT`; `EPROTO` where no call failed. */
  readonly code: string;
  /** Positive errno, 0 where no call failed. */
  readonly errno: number;
  /** The shim's own name of the step, e.g. `mount the root`. */
  readonly step: string;
  /** What was tried on what, e.g. `fsconfig(overlay, create)`. */
  readonly text: string;

  constructor(step: string, errno: number, text: string) {
    const [code, meaning] = getSystemErrorMap().get(-errno) ?? [errno === 0 ? 'EPROTO' : `errno ${errno}`, 'refused'];
    super(`[${code}] ${step}: ${text}: ${meaning}`);
    this.code = code;
    this.errno = errno;
    this.step = step;
    this.text = text;
  }
}

/** The other end of a channel is gone, or its message made no sense (`cause`) and the channel was closed. */
export class ChannelClosedError extends Error {
  /** The name of this class. */
  override readonly name = 'ChannelClosedError';
  /** The same of every error of this class. */
  readonly code = 'ERR_CHANNEL_CLOSED';

  constructor(peer: string, cause: Error | null) {
    super(
      `[ERR_CHANNEL_CLOSED] ${peer} ${cause === null ? 'has closed its connection' : `is cut off: ${cause.message}`}`,
      cause === null ? undefined : { cause },
    );
  }
}

/** No answer came in time. What the request does may still happen; the late answer is taken care of. */
export class RequestTimeoutError extends Error {
  /** The name of this class. */
  override readonly name = 'RequestTimeoutError';
  /** The same of every error of this class. */
  readonly code = 'ERR_REQUEST_TIMEOUT';

  constructor(peer: string, what: string, timeoutMs: number) {
    super(`[ERR_REQUEST_TIMEOUT] ${peer} did not answer ${what} within ${timeoutMs} ms`);
  }
}
