import { ERROR_CODES, type ErrorCode } from './error-codes.ts';

export { ERROR_CODES, type ErrorCode };

/** What an error may carry beside its code and text. */
export interface ErrorContext {
  /** The step that failed, e.g. `mount-root`; null when the call is one step. */
  readonly step?: string | null;
  /** The error underneath, kept whole. */
  readonly cause?: unknown;
}

/**
 * Any failure of this package. The message starts with the code in brackets and says what was tried on what, what
 * happened and what to do.
 */
export class HatcheryError extends Error {
  /** The name of the class. */
  override name = 'HatcheryError';
  /** Which of the closed list it is; docs/errors.md has them all. */
  readonly code: ErrorCode;
  /** The step that failed, e.g. `mount-root`; null when the call is one step. */
  readonly step: string | null;

  /** @internal */
  constructor(code: ErrorCode, text: string, context: ErrorContext = {}) {
    // An absent cause must stay absent: `cause: undefined` would print as a cause.
    super(`[${code}] ${text}`, 'cause' in context ? { cause: context.cause } : undefined);
    this.code = code;
    this.step = context.step ?? null;
  }
}

/** A call was made on a runtime that is closing or closed, or was in flight when it closed. */
export class RuntimeClosedError extends HatcheryError {
  /** The name of the class. */
  override name = 'RuntimeClosedError';

  /**
   * @param what the call that was refused, e.g. `runtime.create()`
   * @internal
   */
  constructor(what: string, context: ErrorContext = {}) {
    super('ERR_RUNTIME_CLOSED', `${what}: the runtime is closed; open a new one with Runtime.open()`, context);
  }
}

/** The caller's AbortSignal fired. `cause` is the signal's reason; `name` is 'AbortError', as the platform names it. */
export class AbortError extends HatcheryError {
  /** `AbortError`, as the platform names it. */
  override name = 'AbortError';

  /**
   * @param what the call that was given up, e.g. `runtime.create()`
   * @internal
   */
  constructor(what: string, signal: AbortSignal, context: Omit<ErrorContext, 'cause'> = {}) {
    super('ERR_ABORTED', `${what}: given up because its signal was aborted`, { ...context, cause: signal.reason });
  }
}

/** Throws `AbortError` when the signal has already fired. */
export function throwIfAborted(signal: AbortSignal | null | undefined, what: string): void {
  if (signal?.aborted) throw new AbortError(what, signal);
}
