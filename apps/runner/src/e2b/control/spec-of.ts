import type { SandboxSpec } from '@hatchery/runtime';
import type { Template } from '../../templates/template.ts';
import { withDetails } from '../hosted/hosted-details.ts';
import { slotRules } from '../hosted/slot-rules.ts';
import type { NewSandbox } from './new-sandbox.ts';

/** What E2B gives to its own `base`, as far as a host of any size can. */
const limits = { cpus: 2, memoryBytes: 2 ** 30, rootBytes: 4 * 2 ** 30, pids: 1024 };

/** The sandbox of the runtime that a client asks for. */
export function specOf(request: NewSandbox, template: Template): SandboxSpec {
  const { secure, autoPause, autoPauseMemory, autoResume } = request;
  const { allowPublicTraffic, maskRequestHost, httpsPorts, network } = request;
  return {
    image: template.image,
    env: { ...request.envVars },
    // `base` has it in /etc/hosts, where sudo looks it up.
    hostname: 'sandbox',
    user: template.defaultUser,
    limits,
    network: slotRules(network),
    // What has been written outlives a pause that keeps no memory (docs/decisions/0030).
    root: 'disk',
    // sudo.
    noNewPrivileges: false,
    timeoutMs: request.timeoutMs,
    onTimeout: onTimeoutOf(request),
    metadata: withDetails(request.metadata, {
      templateId: template.id,
      alias: request.template === template.id && template.name !== template.id ? null : template.name,
      secure,
      autoPause,
      autoPauseMemory,
      autoResume,
      allowPublicTraffic,
      maskRequestHost,
      httpsPorts,
      defaultUser: template.defaultUser,
      network,
    }),
  };
}

function onTimeoutOf({ autoPause, autoPauseMemory }: NewSandbox): NonNullable<SandboxSpec['onTimeout']> {
  if (!autoPause) return 'destroy';
  return autoPauseMemory ? 'pause' : 'stop';
}
