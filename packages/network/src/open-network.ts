import { networkSysctl } from '@hatchery/linux';
import { type AddressRange, parseRange } from './address.ts';
import { readKernelState } from './kernel-state.ts';
import { Leases } from './leases.ts';
import { routes } from './links.ts';
import { namesOf } from './names.ts';
import { Netfilter } from './netfilter.ts';
import { Network } from './network.ts';
import { NetworkError, networkError } from './network-error.ts';
import { batch } from './nft-message.ts';
import { ruleset } from './ruleset.ts';

/** Whose network it is, and what of the host it uses. */
export interface NetworkOptions {
  /** Absolute path of the instance's directory: all names in the kernel are derived from it. */
  instanceDirectory: string;
  /** Where slots get their addresses: a CIDR of /8 to /30, two addresses a slot. Default 10.213.0.0/16. */
  addressRange?: string;
  /** The one interface of the host that slots may use outward. Default: any but other slots. */
  uplink?: string | null;
  /** Descriptor, borrowed until `close`, of the network namespace that is the host's. Default: this process's. */
  hostNetns?: number;
  /** Leases of addresses, machine-wide. Default /run/hatchery-slots. */
  leaseDirectory?: string;
}

export const defaultRange = '10.213.0.0/16';
export const defaultLeaseDirectory = '/run/hatchery-slots';

/**
 * Puts the ruleset of an instance in force and opens its network; slots of an earlier runner stay as they are. Turns
 * net.ipv4.ip_forward on when it is off, for the whole machine; leaves it on. Throws `NetworkError`: ERR_NETWORK_OPTION,
 * _RANGE (the range overlaps a route of the host's), _PERMISSION, _UNSUPPORTED, _FAILED.
 */
export async function openNetwork(options: NetworkOptions): Promise<Network> {
  const {
    instanceDirectory,
    uplink = null,
    addressRange = defaultRange,
    leaseDirectory = defaultLeaseDirectory,
  } = options;
  const names = namesOf(instanceDirectory);
  const range = checkRange(addressRange);
  if (uplink !== null && !/^[^\s/:]{1,15}$/.test(uplink)) {
    throw new NetworkError(
      'ERR_NETWORK_OPTION',
      'open the network',
      `uplink is ${JSON.stringify(uplink)}; give the name of an interface`,
    );
  }
  const hostNetns = options.hostNetns ?? null;
  const netfilter = new Netfilter(hostNetns);
  try {
    await refuseOverlap(hostNetns, range);
    const staticRules = ruleset(names, range, uplink);
    // The rules first: a machine that forwards before them would let slots of an earlier runner through.
    await netfilter.exchange(batch(staticRules));
    if ((await networkSysctl(hostNetns, 'ipv4/ip_forward', null)).trim() === '0') {
      await networkSysctl(hostNetns, 'ipv4/ip_forward', '1');
    }
    const state = await readKernelState(netfilter, names.table);
    const leases = new Leases(leaseDirectory);
    return new Network({ instanceDirectory, names, range, hostNetns, netfilter, leases, state, staticRules });
  } catch (error) {
    await netfilter.close();
    throw networkError('open the network', error);
  }
}

type SlotRange = AddressRange & { prefix: number };

function checkRange(text: string): SlotRange {
  const range = parseRange(text);
  const prefix = Number(text.split('/')[1]);
  if (range === null || range === 'ipv6' || !(prefix >= 8 && prefix <= 30)) {
    throw new NetworkError(
      'ERR_NETWORK_OPTION',
      'open the network',
      `addressRange is ${JSON.stringify(text)}; give an IPv4 CIDR of /8 to /30`,
    );
  }
  return { ...range, prefix };
}

async function refuseOverlap(hostNetns: number | null, range: SlotRange): Promise<void> {
  for (const route of await routes(hostNetns)) {
    // Of slots, of this instance or another: their addresses are leased one by one.
    if (route.pairs) continue;
    const last = route.address + 2 ** (32 - route.prefix) - 1;
    if (route.address > range.last || last < range.first) continue;
    throw new NetworkError(
      'ERR_NETWORK_RANGE',
      'open the network',
      `the host has a route to ${[24, 16, 8, 0].map((shift) => (route.address >>> shift) & 255).join('.')}/${route.prefix}, which overlaps the addresses of slots; give another addressRange`,
    );
  }
}
