import { type Client, createClient, type Interceptor } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { Filesystem } from '../../src/e2b/envd/protocol/filesystem.generated.ts';
import type { HostedSandbox } from '../../src/e2b/hosted/hosted-sandbox.ts';
import type { UsedEnvd } from './envd-server.ts';

/** The service as a client in JSON over HTTP/1.1 sees it; with `user` the calls are that user's. */
export function filesystemClient({ url }: UsedEnvd, hosted: HostedSandbox, user?: string): Client<typeof Filesystem> {
  const identify: Interceptor = (next) => (request) => {
    request.header.set('E2b-Sandbox-Id', hosted.id);
    request.header.set('X-Access-Token', hosted.envdToken ?? '');
    if (user !== undefined) request.header.set('Authorization', `Basic ${Buffer.from(`${user}:`).toString('base64')}`);
    return next(request);
  };
  const transport = createConnectTransport({
    baseUrl: url,
    httpVersion: '1.1',
    useBinaryFormat: false,
    interceptors: [identify],
  });
  return createClient(Filesystem, transport);
}
