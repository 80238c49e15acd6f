import type { FastifyInstance } from 'fastify';
import { boxDefaults } from '../boxes/new-box.ts';
import { properties } from '../boxes/new-box-body.ts';
import { boxDocs } from '../docs.ts';
import { maxExecutions } from '../executions/box-executions.ts';
import { maxTimeoutSeconds } from '../executions/exec-request.ts';

/** What the runtime unpacks at most, expanded. */
const maxArchiveBytes = 16 * 2 ** 30;

/** GET /config: what there is and what is not, for everybody. Clients ask it before they use what not every server has. */
export function addConfig(app: FastifyInstance): void {
  const most = (name: 'cpus' | 'memory_mib' | 'disk_size_gb'): number =>
    (properties[name] as { maximum: number }).maximum;
  const config = {
    defaults: {
      cpus: boxDefaults.cpus,
      memory_mib: boxDefaults.memoryMib,
      disk_size_gb: boxDefaults.diskSizeGb,
      auto_stop: boxDefaults.autoStop,
      auto_delete: boxDefaults.autoDelete,
      auto_resume: boxDefaults.autoResume,
    },
    overrides: {},
    capabilities: {
      linux_capabilities_enabled: false,
      max_cpus: most('cpus'),
      max_memory_mib: most('memory_mib'),
      max_disk_size_gb: most('disk_size_gb'),
      max_concurrent_executions: maxExecutions,
      exec_timeout_max_seconds: maxTimeoutSeconds,
      file_transfer_max_bytes: maxArchiveBytes,
      tty_enabled: true,
      streaming_enabled: true,
      snapshots_enabled: false,
      clone_enabled: false,
      export_enabled: false,
      import_enabled: false,
    },
  };
  const told = boxDocs('What this server has', { answers: { 200: 'defaults and capabilities' } });
  app.get('/config', { ...told, schema: { ...told.schema, security: [] }, config: { open: true } }, (_request, reply) =>
    reply.send(config),
  );
}
