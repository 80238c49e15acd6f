import type { ErrorView } from '../wire/views.ts';

/** An error of the server or of its runtime, rebuilt from what crossed; the message starts with its code. */
export class ServerError extends Error {
  override name = 'ServerError';
  readonly code: string;
  readonly step: string | null;

  constructor({ code, message, step }: ErrorView) {
    super(message);
    this.code = code;
    this.step = step;
  }
}

/** The error in a body or a frame; null when it is none of ours. */
export function readError(value: unknown): ServerError | null {
  const { code, message, step = null } = (value ?? {}) as Partial<ErrorView>;
  if (typeof code !== 'string' || typeof message !== 'string') return null;
  return new ServerError({ code, message, step });
}
