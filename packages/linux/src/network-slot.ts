import { native } from './native-binding.ts';

/** What a slot is made of. */
export interface MakeNetworkSlotOptions {
  /** Borrowed descriptor of the network namespace where the outer end is; null: this process's. */
  hostNetns: number | null;
  /** Of the outer end of the pair, 1 to 15 characters; the inner one is `eth0`. */
  interfaceName: string;
  /** IPv4 addresses as numbers: the inner end's, the outer end's, and their prefix. */
  address: number;
  /** The outer end's address, a number like `address`. */
  gateway: number;
  /** Bits of the network that both are in. */
  prefix: number;
}

/**
 * A new network namespace with a veth pair, addresses, a default route, IPv6 off, ports from 0 and ping for everybody
 * (veth(4), rtnetlink(7)), and a descriptor of it that this thread owns. The namespace and both ends go with its last
 * descriptor and process. Runs in a thread of its own. Rejects with `LinuxError`, and nothing is left then: EEXIST (an
 * interface of that name), EPERM, ENOSPC (namespaces).
 */
export function makeNetworkSlot(options: MakeNetworkSlotOptions): Promise<number> {
  const { hostNetns, interfaceName, address, gateway, prefix } = options;
  return native().makeNetworkSlot(hostNetns, interfaceName, address, gateway, prefix);
}
