import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import type { Logger } from '@hatchery/runtime';

/** What nobody expected goes into the log; the client is told that it was ours, and nothing of its inside. */
export function logFaults(logger: Logger): Interceptor {
  const translate = (error: unknown, method: string): unknown => {
    if (error instanceof ConnectError) return error;
    logger.error({ err: error, method }, 'a call of envd failed');
    return new ConnectError('a fault of hatchery; the log of the server has it', Code.Internal);
  };
  return (next) => async (request) => {
    const method = `${request.service.typeName}/${request.method.name}`;
    try {
      const response = await next(request);
      if (!response.stream) return response;
      return { ...response, message: translated(response.message, (error) => translate(error, method)) };
    } catch (error) {
      throw translate(error, method);
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
