import { isIPv4 } from 'node:net';
import { isRange } from '../../hosted/address-range.ts';
import { checkVariables } from '../../hosted/check-variables.ts';
import { BodyShape } from '../../serve/body-shape.ts';
import { BoxError, unsupported } from '../box-error.ts';
import { type ManagedVolume, type NewBoxBody, properties } from './new-box-body.ts';

/** What a client asks for, with nothing left open. */
export interface NewBox {
  readonly name: string | null;
  readonly image: string;
  readonly cpus: number;
  readonly memoryMib: number;
  readonly diskSizeGb: number;
  readonly workingDir: string | null;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly volumes: readonly ManagedVolume[];
  /** Where it may go: 'none', everywhere ('all'), or these ranges alone. */
  readonly outbound: 'none' | 'all' | readonly string[];
  readonly inbound: 'enabled' | 'disabled';
  readonly autoStop: number;
  readonly autoDelete: number;
  readonly autoResume: boolean;
}

/** What is meant where a body says nothing. */
export const boxDefaults = {
  image: 'base',
  cpus: 1,
  memoryMib: 512,
  diskSizeGb: 4,
  autoStop: 900,
  autoDelete: 0,
  autoResume: true,
} as const;

export const newBoxBody: BodyShape<NewBoxBody> = new BodyShape(properties);

/** Throws invalid_argument for what cannot be, unsupported for what hatchery does not have. */
export function readNewBox(given: unknown): NewBox {
  const body = newBoxBody.read(given);
  if (body.image !== undefined && body.rootfs_path !== undefined)
    throw new BoxError('invalid_argument', 'give either image or rootfs_path');
  const request: NewBox = {
    name: body.name ?? null,
    image: body.image ?? boxDefaults.image,
    cpus: body.cpus ?? boxDefaults.cpus,
    memoryMib: body.memory_mib ?? boxDefaults.memoryMib,
    diskSizeGb: body.disk_size_gb ?? boxDefaults.diskSizeGb,
    workingDir: body.working_dir ?? null,
    env: body.env ?? {},
    user: body.user ?? null,
    labels: body.labels ?? {},
    volumes: body.volumes ?? [],
    outbound: readOutbound(body.network ?? {}),
    inbound: readInbound(body.network ?? {}),
    autoStop: body.auto_stop ?? boxDefaults.autoStop,
    autoDelete: body.auto_delete ?? boxDefaults.autoDelete,
    autoResume: body.auto_resume ?? boxDefaults.autoResume,
  };
  checkVariables('env', request.env);
  refuseAbsent(body);
  return request;
}

type NetworkBody = NonNullable<NewBoxBody['network']>;

/** The flat form is the one of before the split: not both in one request. */
function readOutbound({ outbound, inbound, mode, allow_net }: NetworkBody): NewBox['outbound'] {
  const isFlat = mode !== undefined || allow_net !== undefined;
  if (isFlat && (outbound !== undefined || inbound !== undefined))
    throw new BoxError(
      'invalid_argument',
      'network: mode and allow_net are of the old form; give outbound and inbound alone',
    );
  const { mode: wanted, allow_net: allowed = [] } = outbound ?? { mode: mode ?? 'enabled', allow_net };
  if (wanted === 'disabled') {
    if (allowed.length === 0) return 'none';
    throw new BoxError('invalid_argument', 'network.outbound: allow_net is for mode "enabled"');
  }
  for (const entry of allowed) checkAllowed(entry);
  return allowed.length === 0 ? 'all' : allowed;
}

function checkAllowed(entry: string): void {
  const what = 'network.outbound.allow_net';
  if (!isRange(entry)) throw unsupported(`${what} by name ("${entry.slice(0, 253)}")`, 'give IP addresses and CIDRs');
  if (!isIPv4(entry.split('/')[0] ?? '')) throw unsupported(`${what} with IPv6`, 'boxes have IPv4 alone');
}

function readInbound({ inbound }: NetworkBody): NewBox['inbound'] {
  if ((inbound?.allow_net ?? []).length > 0)
    throw unsupported('network.inbound.allow_net', 'whoever may connect may do so from everywhere');
  return inbound?.mode ?? 'enabled';
}

function refuseAbsent(body: NewBoxBody): void {
  const { rootfs_path, entrypoint = [], cmd = [], secrets = [], tty = false, advanced } = body;
  if (rootfs_path !== undefined)
    throw unsupported(
      'rootfs_path',
      'a root of this host is given a name first: hatchery image register NAME DIRECTORY',
    );
  if (entrypoint.length > 0 || cmd.length > 0)
    throw unsupported(entrypoint.length > 0 ? 'entrypoint' : 'cmd', 'a box has no main program; start it with exec');
  if (tty) throw unsupported('tty of a box', 'a box has no main program; start one with exec and its own tty');
  // Never their values, nor what a message may make of them.
  if (secrets.length > 0)
    throw unsupported(
      'secrets',
      'nothing is kept for boxes to use without seeing it; pass env, if the program inside may see it',
    );
  const { add = [], drop = [] } = advanced?.capabilities ?? {};
  if (add.length > 0 || drop.length > 0) throw unsupported('advanced.capabilities', 'every box has the same ones');
}
