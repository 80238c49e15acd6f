import type { Readable } from 'node:stream';
import { Code, ConnectError, type ConnectRouter, createConnectRouter } from '@connectrpc/connect';
import { compressionGzip, universalRequestFromNodeRequest } from '@connectrpc/connect-node';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Budgets } from '../../../hosted/budget.ts';
import type { EnvdContext } from '../envd-context.ts';
import { EnvdError } from '../envd-error.ts';
import { hostedOf } from '../hosted-of.ts';
import { boundTimeout } from './bound-timeout.ts';
import { breakOff } from './break-off.ts';
import { contextValuesOf } from './hosted-in.ts';
import { logFaults } from './log-faults.ts';
import { withPieces } from './piecewise.ts';
import { readRequest } from './read-request.ts';
import { sendUniversal } from './send-universal.ts';

/** Of one message; what is larger is a file's. In base64 it is a third more. */
const readMaxBytes = 16 * 1024 * 1024;
/** Of all messages to one sandbox that are being read. */
const maxReading = 2 * readMaxBytes;
/** Streams of one sandbox at a time, and as many other calls, so that what streams can still be ended. */
const maxCalls = 512;
const message = { totalMs: 60_000, idleMs: 30_000, maxBytes: readMaxBytes };
/** A client that streams says something every 90 seconds, as a rule. */
const stream = { totalMs: null, idleMs: 300_000, maxBytes: readMaxBytes };

/** One service. */
export type ServiceRoutes = (router: ConnectRouter, context: EnvdContext) => void;

/**
 * The Connect protocol with JSON, over HTTP/1.1 and HTTP/2: unary calls, and streams of envelopes whose errors come in the
 * last envelope with status 200. https://connectrpc.com/docs/protocol
 */
export function addConnect(app: FastifyInstance, context: EnvdContext, services: readonly ServiceRoutes[]): void {
  const router = createConnectRouter({
    grpc: false,
    grpcWeb: false,
    acceptCompression: [compressionGzip],
    readMaxBytes,
    jsonOptions: { ignoreUnknownFields: true },
    interceptors: [logFaults(context.logger)],
    shutdownSignal: context.closing,
  });
  for (const addService of services) addService(router, context);
  // The body is the protocol's to read.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  const reading = new Budgets(maxReading);
  const [streams, calls] = [new Budgets(maxCalls), new Budgets(maxCalls)];
  for (const handler of router.handlers) {
    const { methodKind } = handler.method;
    const limits = methodKind === 'client_streaming' || methodKind === 'bidi_streaming' ? stream : message;
    app.post(handler.requestPath, async (request: FastifyRequest, reply: FastifyReply) => {
      requireJson(request.headers['content-type']);
      const hosted = hostedOf(request.raw);
      const values = contextValuesOf(hosted, request.headers.authorization, () => breakOff(reply.raw));
      const asked = universalRequestFromNodeRequest(request.raw, reply.raw, undefined, values);
      boundTimeout(asked.header);
      // So much would be set aside for it at once.
      asked.header.delete('content-length');
      const room = (methodKind === 'unary' ? calls : streams).of(hosted);
      const hasRoom = room.take(1);
      const body = hasRoom ? readRequest(request.raw, reading.of(hosted), limits) : tooMany(request.raw);
      try {
        const answer = withPieces(await handler({ ...asked, body }), values);
        for (const [name, value] of Object.entries(reply.getHeaders()))
          if (value !== undefined) answer.header?.set(name, String(value));
        reply.hijack();
        await sendUniversal(answer, reply.raw);
      } finally {
        if (hasRoom) room.give(1);
      }
    });
  }
}

/** In the body's place, so that a stream is told in its last envelope as of any other error. */
function tooMany(request: Readable): AsyncIterable<Uint8Array> {
  const next = (): Promise<never> => {
    request.resume();
    return Promise.reject(
      new ConnectError(`${maxCalls} calls of this sandbox are open; end some`, Code.ResourceExhausted),
    );
  };
  return { [Symbol.asyncIterator]: () => ({ next }) };
}

function requireJson(type: string | undefined): void {
  if (type !== undefined && /^application\/(connect\+)?json\s*(;|$)/i.test(type)) return;
  throw new EnvdError(415, 'only application/json and, for streams, application/connect+json are spoken here');
}
