import { sweepNetwork } from '@hatchery/network';
import { hasMarker, removeMarker } from './marker.ts';
import type { CompiledNetworkOptions } from './network-options.ts';

/** Removes what the kernel and the leases have of an instance that no sandbox of uses any more. Rejects with NetworkError. */
export async function sweepNetworkOf(
  instanceDirectory: string,
  { hostNetns, leaseDirectory }: CompiledNetworkOptions,
): Promise<void> {
  if (!hasMarker(instanceDirectory)) return;
  await sweepNetwork({
    instanceDirectory,
    ...(hostNetns === null ? {} : { hostNetns }),
    ...(leaseDirectory === null ? {} : { leaseDirectory }),
  });
  removeMarker(instanceDirectory);
}
