import type { NetworkRules } from '@hatchery/network';
import type { SandboxSpec } from '../types.ts';
import { maxDelayMs } from './exec-options.ts';
import {
  checkAbsolutePath,
  checkBoolean,
  checkEnvironment,
  checkInteger,
  checkKeys,
  checkOneOf,
  checkText,
  checkTexts,
  checkUser,
} from './fields.ts';
import { generateId } from './generate-id.ts';
import { invalid } from './invalid.ts';
import { type CompiledLimits, compileLimits } from './limits.ts';
import { compileNetwork } from './network.ts';
import { type CompiledVolume, compileVolumes } from './volumes.ts';

/** A spec with nothing left open; plain data, so that a record can hold it. */
export interface CompiledSpec {
  /** The one asked for, or the one generated. */
  readonly id: string;
  /** `host`, or the absolute path of a root directory. */
  readonly image: string;
  /** The caller's environment; the defaults are added per execution, because HOME and USER depend on the user. */
  readonly env: Readonly<Record<string, string>>;
  /** As it was asked for; looked up in the sandbox at each execution. */
  readonly user: string;
  /** null: the home of the execution's user. */
  readonly cwd: string | null;
  /** The one asked for, or the id. */
  readonly hostname: string;
  /** With every default filled in. */
  readonly limits: CompiledLimits;
  /** The caller's own. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Set-uid programs give nothing. */
  readonly noNewPrivileges: boolean;
  /** Rules of its network slot; null: it has none, but loopback alone. */
  readonly network: NetworkRules | null;
  /** Where what it writes is. */
  readonly root: 'memory' | 'disk';
  /** In the order in which they are mounted. */
  readonly volumes: readonly CompiledVolume[];
  /** null: never. */
  readonly timeoutMs: number | null;
  /** What happens when `timeoutMs` is over. */
  readonly onTimeout: 'destroy' | 'pause' | 'stop';
}

const known = [
  'id',
  'image',
  'env',
  'user',
  'cwd',
  'hostname',
  'limits',
  'network',
  'root',
  'volumes',
  'metadata',
  'timeoutMs',
  'onTimeout',
  'noNewPrivileges',
];

/**
 * Checks a caller's spec and fills in the defaults.
 * Throws ERR_SPEC_INVALID naming the option and the value received.
 */
export function compileSandboxSpec(spec: SandboxSpec | undefined): CompiledSpec {
  checkKeys('spec', spec, known);
  const given: SandboxSpec = spec ?? {};
  const id = given.id === undefined ? generateId() : checkId(given.id);
  const root = checkOneOf('root', given.root ?? 'memory', ['memory', 'disk']);
  const { timeoutMs = null } = given;
  return {
    id,
    image: checkImage(given.image ?? 'host'),
    env: checkEnvironment('env', given.env ?? {}),
    user: checkUser('user', given.user ?? 'root'),
    cwd: given.cwd === undefined ? null : checkAbsolutePath('cwd', given.cwd),
    hostname: checkHostname(given.hostname ?? id),
    limits: compileLimits(given.limits, root),
    metadata: checkTexts('metadata', given.metadata ?? {}),
    noNewPrivileges: checkBoolean('noNewPrivileges', given.noNewPrivileges ?? true),
    network: compileNetwork(given.network ?? 'none'),
    root,
    volumes: compileVolumes(given.volumes ?? []),
    timeoutMs: timeoutMs === null ? null : checkInteger('timeoutMs', timeoutMs, 0, maxDelayMs),
    onTimeout: checkOnTimeout(given.onTimeout ?? 'destroy', root),
  };
}

function checkOnTimeout(onTimeout: unknown, root: CompiledSpec['root']): CompiledSpec['onTimeout'] {
  const checked = checkOneOf('onTimeout', onTimeout, ['destroy', 'pause', 'stop']);
  if (checked === 'stop' && root !== 'disk')
    throw invalid(
      'onTimeout',
      onTimeout,
      "'destroy' or 'pause' without root: 'disk': what lives in memory cannot be stopped",
    );
  return checked;
}

function checkId(id: unknown): string {
  if (typeof id !== 'string' || !/^[a-z0-9]{1,63}$/.test(id)) throw invalid('id', id, '1 to 63 of [a-z0-9]');
  return id;
}

function checkImage(image: unknown): string {
  if (typeof image === 'string' && (image === 'host' || image.startsWith('/'))) return checkText('image', image, 4095);
  throw invalid('image', image, "'host' or the absolute path of a root directory");
}

/** RFC 1123, section 2.1: labels of letters, digits and inner hyphens. 63 fits the kernel's 64 of sethostname(2). */
function checkHostname(hostname: unknown): string {
  const label = '[a-z0-9]([a-z0-9-]*[a-z0-9])?';
  const isName = typeof hostname === 'string' && new RegExp(`^${label}(\\.${label})*$`, 'i').test(hostname);
  if (!isName || hostname.length > 63) throw invalid('hostname', hostname, 'an RFC 1123 name of at most 63 characters');
  return hostname;
}
