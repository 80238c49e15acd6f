import type { SandboxSpec } from '@hatchery/runtime';
import { CliError } from '../cli-error.ts';
import { type ClientFlags, openClient } from '../client/open-client.ts';
import { compileSpec } from '../run/compile-flags.ts';
import { parseDuration } from '../run/parse-duration.ts';
import type { SpecFlags } from '../run/run-flags.ts';
import type { SandboxView } from '../wire/views.ts';
import { write } from '../write.ts';

export interface CreateFlags extends SpecFlags, ClientFlags {
  id?: string;
  metadata?: string[];
  root?: string;
  timeout?: string;
  onTimeout?: string;
  json?: boolean;
}

/** Makes a sandbox and prints its id. */
export async function create(flags: CreateFlags): Promise<number> {
  const body = compileCreate(flags, process.env);
  const sandbox = await openClient(flags).call<SandboxView>('POST', '/v1/sandboxes', { body });
  await write(process.stdout, flags.json === true ? `${JSON.stringify(sandbox, null, 2)}\n` : `${sandbox.id}\n`);
  return 0;
}

/** What the values may be is the runtime's to judge. */
export function compileCreate(flags: CreateFlags, environment: NodeJS.ProcessEnv): SandboxSpec {
  const spec = compileSpec(flags, environment);
  if (flags.id !== undefined) spec.id = flags.id;
  if (flags.metadata !== undefined) spec.metadata = Object.fromEntries(flags.metadata.map(parseMetadata));
  if (flags.root !== undefined) spec.root = flags.root as 'memory' | 'disk';
  if (flags.timeout !== undefined) spec.timeoutMs = parseDuration('--timeout', flags.timeout);
  if (flags.onTimeout !== undefined) spec.onTimeout = flags.onTimeout as NonNullable<SandboxSpec['onTimeout']>;
  return spec;
}

function parseMetadata(entry: string): [string, string] {
  const equals = entry.indexOf('=');
  if (equals > 0) return [entry.slice(0, equals), entry.slice(equals + 1)];
  throw new CliError('ERR_SPEC_INVALID', `--metadata: "${entry}" is not KEY=VALUE`);
}
