import type { Answer } from './exchange.ts';

/** Fires when the client goes away before it has all of its answer. */
export function untilGone(answer: Answer): AbortSignal {
  const gone = new AbortController();
  const { stream = answer } = answer as { stream?: { writableFinished: boolean; destroyed: boolean } };
  const look = (): void => {
    if (!stream.writableFinished) gone.abort(new Error('the client has gone'));
  };
  if (stream.destroyed) look();
  else answer.once('close', look);
  return gone.signal;
}
