/**
 * The closed list of what can go wrong in this package.
 *
 * - `ERR_QUEUE_CLOSED`: the queue or channel was closed; `cause` is the reason given to `close`, if it was no Error.
 * - `ERR_QUEUE_NESTED_DRAIN`: a handler drained the queue that is running it.
 * - `ERR_QUEUE_ARGUMENT`: an argument of the call is invalid; nothing was queued.
 * - `ERR_QUEUE_DISPOSER`: a disposer threw; every other event was still disposed of. `cause` has what was thrown.
 * - `ERR_OWNED_TAKEN`: the value of an `Owned` was taken or disposed of before.
 * - `ERR_CHANNEL_MESSAGE_SIZE`: the message is larger than the channel can ever carry.
 * - `ERR_CHANNEL_SENDER_TAKEN`: another sender of this channel is in use.
 * - `ERR_CHANNEL_CORRUPT`: the shared memory holds what no sender or receiver of this package writes.
 */
export type QueueErrorCode =
  | 'ERR_QUEUE_CLOSED'
  | 'ERR_QUEUE_NESTED_DRAIN'
  | 'ERR_QUEUE_ARGUMENT'
  | 'ERR_QUEUE_DISPOSER'
  | 'ERR_OWNED_TAKEN'
  | 'ERR_CHANNEL_MESSAGE_SIZE'
  | 'ERR_CHANNEL_SENDER_TAKEN'
  | 'ERR_CHANNEL_CORRUPT';

/** The errors of this package. The message begins with the code. */
export class QueueError extends Error {
  /** Which of the closed list it is. */
  readonly code: QueueErrorCode;
  /** The call that failed, such as `push`. */
  readonly step: string;

  /** `text`: what happened and what to do. */
  constructor(code: QueueErrorCode, step: string, text: string, cause?: unknown) {
    super(`[${code}] ${step}: ${text}`, cause === undefined ? undefined : { cause });
    this.name = 'QueueError';
    this.code = code;
    this.step = step;
  }
}

/** The queue or channel is closed, and its closer gave no error to reject with. */
export class QueueClosedError extends QueueError {
  constructor(step: string, cause?: unknown) {
    super('ERR_QUEUE_CLOSED', step, 'closed; nothing more is taken in or delivered', cause);
    this.name = 'QueueClosedError';
  }
}

/** What those who wait at a close are told: the closer's own error, so that an owner's `RuntimeClosedError` reaches them. */
export function closedError(step: string, reason: unknown): Error {
  return reason instanceof Error ? reason : new QueueClosedError(step, reason);
}
