import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeFd, makeNetworkSlot } from '@hatchery/linux';
import { openNetwork } from '@hatchery/network';
import { publicResolvers } from '../network/resolvers.ts';
import type { DoctorFinding } from './finding.ts';
import { tryOut } from './make-finding.ts';

/** 169.254.255.252 and .253, link-local, for the moment that the probe takes. */
const gateway = 0xa9fe_fffc;

/** Makes a network slot with rules on a host that is a network namespace itself: nothing of this host's network changes. */
export async function checkNetwork(): Promise<DoctorFinding[]> {
  const slots = await tryOut('network-slots', async () => {
    const host = await makeNetworkSlot({
      hostNetns: null,
      interfaceName: `hd${randomBytes(5).toString('hex')}`,
      address: gateway + 1,
      gateway,
      prefix: 31,
    });
    try {
      return await trySlot(host);
    } finally {
      closeFd(host);
    }
  });
  const names = await tryOut('network-names', async () => {
    const resolvers = await publicResolvers();
    if (resolvers.length === 0) throw new Error('no name server of this host is a public one that is not the host');
    return `sandboxes on a slot ask ${resolvers.join(', ')}`;
  });
  return [slots, names];
}

async function trySlot(hostNetns: number): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'hatchery-doctor-'));
  try {
    await using network = await openNetwork({ instanceDirectory: directory, leaseDirectory: directory, hostNetns });
    const slot = await network.makeSlot();
    try {
      await network.setRules(slot, { allow: ['192.0.2.0/24'], deny: [] });
      // What a kernel can lack is in the change, too: the list of connections, and that of the sockets inside.
      await network.setRules(slot, { allow: null, deny: ['192.0.2.0/24'] }, { netns: slot.netns });
      await network.verify();
    } finally {
      closeFd(slot.netns);
      await network.release(slot);
    }
    return 'a slot was made, and its rules were installed and replaced';
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
