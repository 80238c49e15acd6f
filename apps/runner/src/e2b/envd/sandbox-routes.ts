import type { FastifyInstance } from 'fastify';
import type { EnvdContext } from './envd-context.ts';
import { hostedOf } from './hosted-of.ts';

const mebibyte = 1024 * 1024;

/** GET /health, /envs and /metrics. That the sandbox runs was seen to before. */
export function addSandboxRoutes(app: FastifyInstance, { hosted }: EnvdContext): void {
  app.get('/health', (_, reply) => reply.code(204).send());

  app.get('/envs', ({ raw }) => hostedOf(raw).details.envVars);

  // What it uses now, no older than a few seconds; what this host does not count is left out.
  app.get('/metrics', async ({ raw }) => {
    const one = hostedOf(raw);
    const { at, cpuUsedPct, memUsed, memCache, diskUsed, diskTotal } = await hosted.usage.newest(one);
    const { cpus, memoryBytes } = one.sandbox.spec.limits;
    return {
      ts: Math.floor(at / 1000),
      cpu_count: Math.ceil(cpus),
      cpu_used_pct: cpuUsedPct,
      mem_total: memoryBytes,
      mem_used: memUsed,
      mem_total_mib: Math.floor(memoryBytes / mebibyte),
      mem_used_mib: memUsed === undefined ? undefined : Math.floor(memUsed / mebibyte),
      mem_cache: memCache,
      disk_used: diskUsed,
      disk_total: diskTotal,
    };
  });
}
