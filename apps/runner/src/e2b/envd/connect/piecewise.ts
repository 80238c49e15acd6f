import { type ContextValues, createContextKey, type HandlerContext } from '@connectrpc/connect';
import type { UniversalServerResponse } from '@connectrpc/connect/protocol';

type Pieces = AsyncIterable<Uint8Array>;

const key = createContextKey<Pieces | null>(null);

/**
 * Has the answer of a unary call be this JSON, instead of what its handler returns. It is written piece by piece: an answer of
 * many megabytes would otherwise be made at one stretch, in which nobody else is served. What refuses the call must be
 * known before; the call's signal has fired when the pieces are asked for.
 */
export function answerPiecewise({ values }: HandlerContext, pieces: Pieces): void {
  values.set(key, pieces);
}

/** The answer of a call as it is to be written. */
export function withPieces(answer: UniversalServerResponse, values: ContextValues): UniversalServerResponse {
  const pieces = values.get(key);
  if (pieces === null || answer.status !== 200) return answer;
  // Of what the handler returned.
  answer.header?.delete('content-length');
  return { ...answer, body: pieces };
}
