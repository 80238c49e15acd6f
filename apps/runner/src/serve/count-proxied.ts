import type { Proxy } from '../e2b/proxy/create-proxy.ts';
import type { Metrics } from './metrics/metrics.ts';

/** The same proxy, whose answers are counted. Upgraded connections are none: they answer nothing. */
export function countProxied(metrics: Metrics, proxy: Proxy): Proxy {
  return {
    request(request, answer, target) {
      const startedAt = performance.now();
      const { method = '' } = request;
      answer.once('close', () => {
        const seconds = (performance.now() - startedAt) / 1000;
        metrics.answered({ api: 'proxy', method, route: undefined, status: answer.statusCode, seconds });
      });
      proxy.request(request, answer, target);
    },
    upgrade: (request, socket, head, target) => proxy.upgrade(request, socket, head, target),
    close: () => proxy.close(),
  };
}
