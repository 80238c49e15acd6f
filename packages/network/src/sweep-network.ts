import { addressNumber } from './address.ts';
import { forgetConnections } from './connections.ts';
import { Leases } from './leases.ts';
import { deleteLink, linksOf } from './links.ts';
import { namesOf } from './names.ts';
import { Netfilter } from './netfilter.ts';
import { networkError } from './network-error.ts';
import { batch, deleteTable, Family } from './nft-message.ts';
import { defaultLeaseDirectory } from './open-network.ts';

/** Whose remains to remove, as they were given to `openNetwork`. */
export interface SweepOptions {
  /** Absolute path of the instance's directory. */
  instanceDirectory: string;
  /** Descriptor, borrowed, of the network namespace that is the host's. Default: this process's. */
  hostNetns?: number;
  /** Leases of addresses, machine-wide. Default /run/hatchery-slots. */
  leaseDirectory?: string;
}

/** There is no such table, or the kernel has no nf_tables. */
const hasNone: ReadonlySet<string> = new Set(['ENOENT', 'EPROTONOSUPPORT', 'EOPNOTSUPP']);

/**
 * Removes all that an instance whose runner is dead has left in the kernel and in the leases. Hold its lock, and end its
 * sandboxes first. Idempotent. Throws `NetworkError`.
 */
export async function sweepNetwork(options: SweepOptions): Promise<void> {
  const { table, interfacePrefix } = namesOf(options.instanceDirectory);
  const hostNetns = options.hostNetns ?? null;
  const leases = new Leases(options.leaseDirectory ?? defaultLeaseDirectory);
  const netfilter = new Netfilter(hostNetns);
  try {
    // Before the rules: a slot that somebody still holds would be unbound by their removal.
    for (const link of await linksOf(hostNetns, interfacePrefix)) await deleteLink(hostNetns, link);
    for (const family of [Family.inet, Family.arp]) {
      await netfilter.exchange(batch([deleteTable(family, table)])).catch((error: unknown) => {
        if (!hasNone.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
      });
    }
    for (const lease of leases.of(options.instanceDirectory)) {
      const first = addressNumber(lease);
      // The next who has this address must not inherit its connections.
      await forgetConnections({ netfilter, hostNetns }, [first + 1], () => false);
      leases.give(first);
    }
  } catch (error) {
    throw networkError('sweep a network', error);
  } finally {
    await netfilter.close();
  }
}
