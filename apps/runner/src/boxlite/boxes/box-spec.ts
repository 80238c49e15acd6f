import type { SandboxSpec } from '@hatchery/runtime';
import type { Template } from '../../templates/template.ts';
import { boxMetadata } from './box-details.ts';
import type { NewBox } from './new-box.ts';

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;
const maxProcesses = 1024;

/**
 * The sandbox of the runtime that a client asks for.
 * @param volumes of the host, as they are to be mounted
 */
export function boxSpec(request: NewBox, template: Template, volumes: SandboxSpec['volumes'] = []): SandboxSpec {
  const { name, image, labels, autoStop, autoDelete, autoResume, inbound } = request;
  return {
    image: template.image,
    env: { ...request.env },
    // `base` has it in /etc/hosts, where sudo looks it up.
    hostname: 'sandbox',
    user: request.user ?? template.defaultUser,
    ...(request.workingDir === null ? {} : { cwd: request.workingDir }),
    limits: {
      cpus: request.cpus,
      memoryBytes: request.memoryMib * mebibyte,
      rootBytes: request.diskSizeGb * gibibyte,
      pids: maxProcesses,
    },
    network: networkOf(request),
    // A box can be stopped and started again, and has its files then.
    root: 'disk',
    volumes,
    // sudo.
    noNewPrivileges: false,
    metadata: boxMetadata({ name, image, labels, autoStop, autoDelete, autoResume, inbound }),
  };
}

function networkOf({ outbound }: NewBox): NonNullable<SandboxSpec['network']> {
  if (outbound === 'none') return 'none';
  return outbound === 'all' ? 'slot' : { allow: outbound };
}
