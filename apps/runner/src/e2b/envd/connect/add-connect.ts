import { type ConnectRouter, createConnectRouter } from '@connectrpc/connect';
import { compressionGzip, universalRequestFromNodeRequest } from '@connectrpc/connect-node';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { EnvdContext } from '../envd-context.ts';
import { EnvdError } from '../envd-error.ts';
import { hostedOf } from '../hosted-of.ts';
import { boundTimeout } from './bound-timeout.ts';
import { breakOff } from './break-off.ts';
import { contextValuesOf } from './hosted-in.ts';
import { logFaults } from './log-faults.ts';
import { withPieces } from './piecewise.ts';
import { sendUniversal } from './send-universal.ts';

/** Of one message; what is larger is a file's. In base64 it is a third more. */
const readMaxBytes = 16 * 1024 * 1024;

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
  for (const handler of router.handlers)
    app.post(handler.requestPath, async (request: FastifyRequest, reply: FastifyReply) => {
      requireJson(request.headers['content-type']);
      const values = contextValuesOf(hostedOf(request.raw), request.headers.authorization, () => breakOff(reply.raw));
      const asked = universalRequestFromNodeRequest(request.raw, reply.raw, undefined, values);
      boundTimeout(asked.header);
      const answer = withPieces(await handler(asked), values);
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) answer.header?.set(name, String(value));
      reply.hijack();
      await sendUniversal(answer, reply.raw);
    });
}

function requireJson(type: string | undefined): void {
  if (type !== undefined && /^application\/(connect\+)?json\s*(;|$)/i.test(type)) return;
  throw new EnvdError(415, 'only application/json and, for streams, application/connect+json are spoken here');
}
