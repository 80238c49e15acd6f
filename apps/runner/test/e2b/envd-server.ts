import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { SandboxSpec } from '@hatchery/runtime';
import { afterAll, beforeAll, vi } from 'vitest';
import { createEnvd, type Envd } from '../../src/e2b/envd/create-envd.ts';
import type { HostedDetails } from '../../src/e2b/hosted/hosted-details.ts';
import type { HostedSandbox } from '../../src/e2b/hosted/hosted-sandbox.ts';
import { lingerAfter } from '../../src/front/linger.ts';
import { unreadMetrics } from '../metric-sources.ts';
import { hostedSpec, type UsedHosted, useHosted } from './hosted.ts';

interface Running {
  readonly url: string;
  readonly openAnswers: number;
  close(): Promise<void>;
}

/** An envd that listens by itself; `E2b-Sandbox-Id` says which sandbox is meant, one that is not there is answered 502. */
async function listen(used: UsedHosted): Promise<Running> {
  const closing = new AbortController();
  const logger = { debug() {}, info() {}, warn: console.warn, error: console.error };
  const envd: Envd = createEnvd({
    hosted: used.hosted,
    logger,
    metrics: unreadMetrics(),
    closing: closing.signal,
    stateDirectory: join(used.directory, 'state'),
  });
  let openAnswers = 0;
  const server = createServer((request, response) => {
    openAnswers++;
    // As the listener of `serve` does: who sends on behind a refusal sees it.
    lingerAfter(request, response, 60_000);
    response.once('close', () => openAnswers--);
    const hosted = used.hosted.find(String(request.headers['e2b-sandbox-id']));
    if (hosted === undefined) response.writeHead(502).end();
    else envd.handle(request, response, hosted);
  });
  // Longer than this process, in which both sides are, may be busy: a connection must not end as it is used again.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get openAnswers() {
      return openAnswers;
    },
    async close() {
      closing.abort();
      // Streams say so to their clients, and end.
      await vi.waitUntil(() => openAnswers === 0, { timeout: 10_000 });
      await envd.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

interface AskOptions extends RequestInit {
  headers?: Record<string, string>;
}

export interface UsedEnvd extends UsedHosted {
  readonly url: string;
  /** Those that the server still works on, or whose client it does not know to be gone. */
  readonly openAnswers: number;
  /** A sandbox of the image `host`, destroyed with the file's runtime. */
  create(details?: Partial<HostedDetails>, spec?: SandboxSpec): Promise<HostedSandbox>;
  /** A request as clients make it: with the sandbox's id, and its token unless `headers` says otherwise. */
  fetch(hosted: HostedSandbox, path: string, init?: AskOptions): Promise<Response>;
}

/** An envd for the tests of one file. */
export function useEnvd(): UsedEnvd {
  const used = useHosted();
  let running: Running | null = null;
  const need = (): Running => {
    if (running === null) throw new Error('envd listens only while the tests run');
    return running;
  };
  beforeAll(async () => {
    running = await listen(used);
  });
  afterAll(() => running?.close());
  return {
    directory: used.directory,
    get runtime() {
      return used.runtime;
    },
    get hosted() {
      return used.hosted;
    },
    get url() {
      return need().url;
    },
    get openAnswers() {
      return need().openAnswers;
    },
    async reopen(meanwhile) {
      await need().close();
      await used.reopen(meanwhile);
      running = await listen(used);
    },
    create: (details, spec) => used.hosted.create(hostedSpec(details, spec), {}),
    fetch: (hosted, path, init = {}) => {
      const own = { 'E2b-Sandbox-Id': hosted.id, 'X-Access-Token': hosted.envdToken ?? '' };
      return fetch(`${need().url}${path}`, { ...init, headers: { ...own, ...init.headers } });
    },
  };
}
