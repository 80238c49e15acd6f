import { NetlinkProtocol, netlinkTransaction } from '@hatchery/linux';
import { attribute, big32, find, message, NLM_F_DUMP, native32, nest, payloads } from './netlink-message.ts';

const CT_GET = (1 << 8) | 1;
const CT_DELETE = (1 << 8) | 2;
const CTA_TUPLE_ORIG = 1;
const CTA_FILTER = 25;
const inet4 = Buffer.from([2, 0, 0, 0]);
/** A connection that is made between a look and its deletion is looked for again; the rules refuse new ones already. */
const looks = 3;

/**
 * Deletes what the host tracks of connections from `address` to destinations that `permits` refuses, so that the host
 * answers their other ends with resets. The rules have cut them before; this lets the other end know.
 */
export async function forgetConnections(
  hostNetns: number | null,
  address: number,
  permits: (destination: number) => boolean,
): Promise<void> {
  for (let look = 0; look < looks; look++) {
    const refused = (await tracked(hostNetns, address)).filter(({ destination }) => !permits(destination));
    if (refused.length === 0) return;
    // Without acknowledgement: one that has ended meanwhile is as well. The next look sees to the rest.
    const requests = refused.map(({ tuple }, index) =>
      message(CT_DELETE, 0, index + 1, inet4, nest(CTA_TUPLE_ORIG, tuple)),
    );
    await netlinkTransaction(hostNetns, NetlinkProtocol.NETLINK_NETFILTER, Buffer.concat(requests));
  }
}

/** Connections that began at `address`. */
async function tracked(hostNetns: number | null, address: number): Promise<{ destination: number; tuple: Buffer }[]> {
  // The kernel chooses by the source since 5.8; what it says is checked below.
  const request = message(
    CT_GET,
    NLM_F_DUMP,
    1,
    inet4,
    nest(CTA_TUPLE_ORIG, nest(1, attribute(1, big32(address)))),
    nest(CTA_FILTER, attribute(1, native32(1))),
  );
  const answer = await netlinkTransaction(hostNetns, NetlinkProtocol.NETLINK_NETFILTER, request);
  return payloads(answer).flatMap((payload) => {
    const tuple = find(payload.subarray(4), CTA_TUPLE_ORIG);
    const source = tuple === undefined ? undefined : find(tuple, 1, 1);
    const destination = tuple === undefined ? undefined : find(tuple, 1, 2);
    if (tuple === undefined || destination === undefined || source?.readUInt32BE() !== address) return [];
    return [{ destination: destination.readUInt32BE(), tuple }];
  });
}
