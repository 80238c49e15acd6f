import { isIPv4 } from 'node:net';
import { checkAbsolutePath, checkInteger, checkKeys, checkText } from '../spec/fields.ts';
import { invalid } from '../spec/invalid.ts';

/** Where the slots of a runtime get their addresses, and what of the host they use. */
export interface RuntimeNetworkOptions {
  /**
   * IPv4 CIDR of /8 to /30, two addresses a slot; no route of the host may overlap it. Sandboxes that are
   * adopted with an address of an earlier range get no answers any more. Default 10.213.0.0/16.
   */
  addressRange?: string;
  /** The one interface of the host that slots may use outward. Default: any. */
  uplink?: string;
  /**
   * IPv4 addresses of at most 3 name servers that a slot asks; its rules must allow them. Default: those of the host's that
   * are public.
   */
  resolvers?: string[];
  /** Descriptor, borrowed until `close()`, of the network namespace that is the host's. Default: this process's. */
  hostNetns?: number;
  /** Leases of addresses; all runtimes of a machine have the same. Default /run/hatchery-slots. */
  leaseDirectory?: string;
}

export interface CompiledNetworkOptions {
  readonly addressRange: string | null;
  readonly uplink: string | null;
  readonly resolvers: readonly string[] | null;
  readonly hostNetns: number | null;
  readonly leaseDirectory: string | null;
}

/** MAXNS of resolv.h. */
const mostResolvers = 3;
const maxFd = 2 ** 30;

/** Throws ERR_SPEC_INVALID. What only the host can tell is told at the first slot. */
export function compileNetworkOptions(given: RuntimeNetworkOptions | undefined): CompiledNetworkOptions {
  checkKeys('network', given, ['addressRange', 'uplink', 'resolvers', 'hostNetns', 'leaseDirectory']);
  const { addressRange, uplink, resolvers, hostNetns, leaseDirectory } = given ?? {};
  return {
    addressRange: addressRange === undefined ? null : checkText('network.addressRange', addressRange, 18),
    uplink: uplink === undefined ? null : checkText('network.uplink', uplink, 15),
    resolvers: resolvers === undefined ? null : checkResolvers(resolvers),
    hostNetns: hostNetns === undefined ? null : checkInteger('network.hostNetns', hostNetns, 0, maxFd),
    leaseDirectory: leaseDirectory === undefined ? null : checkAbsolutePath('network.leaseDirectory', leaseDirectory),
  };
}

function checkResolvers(value: unknown): string[] {
  const isList = Array.isArray(value) && value.length <= mostResolvers;
  if (isList && value.every((one) => typeof one === 'string' && isIPv4(one))) return [...(value as string[])];
  throw invalid('network.resolvers', value, `at most ${mostResolvers} IPv4 addresses`);
}
