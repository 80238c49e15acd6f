import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import type { Logger } from '@hatchery/runtime';

/** What nobody expected goes into the log; the client is told that it was ours, and nothing of its inside. */
export function logFaults(logger: Logger): Interceptor {
  const translate = (error: unknown, method: string, signal: AbortSignal): unknown => {
    // Who has gone away is told nothing.
    if (error instanceof ConnectError || signal.aborted) return error;
    logger.error({ err: error, method }, 'a call of envd failed');
    return new ConnectError('a fault of hatchery; the log of the server has it', Code.Internal);
  };
  return (next) => async (request) => {
    const method = `${request.service.typeName}/${request.method.name}`;
    try {
      const response = await next(request);
      if (!response.stream) return response;
      return {
        ...response,
        message: translated(response.message, (error) => translate(error, method, request.signal)),
      };
    } catch (error) {
      throw translate(error, method, request.signal);
    }
  };
}

async function* translated<T>(messages: AsyncIterable<T>, translate: (error: unknown) => unknown): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw translate(error);
  }
}
