import { NetlinkProtocol, netlinkTransaction, networkSysctl } from '@hatchery/linux';
import { attribute, big32, find, message, NLM_F_DUMP, native32, nest, payloads } from './netlink-message.ts';

const CT_GET = (1 << 8) | 1;
const CT_DELETE = (1 << 8) | 2;
const CTA_TUPLE_ORIG = 1;
const CTA_FILTER = 25;
const inet4 = Buffer.from([2, 0, 0, 0]);
/** A connection that is made between a look and its deletion is looked for again; the rules refuse new ones already. */
const looks = 3;
/** Of which a list is short enough for the main thread. */
const fewConnections = 2000;

/**
 * Deletes what the host tracks of connections from these addresses to destinations that `permits` refuses, so that the host
 * answers their other ends with resets. The rules have cut them before; this lets the other end know.
 */
export async function forgetConnections(
  hostNetns: number | null,
  addresses: readonly number[],
  permits: (destination: number) => boolean,
): Promise<void> {
  for (let look = 0; look < looks; look++) {
    const refused = (await tracked(hostNetns, addresses)).filter(({ destination }) => !permits(destination));
    if (refused.length === 0) return;
    // Without acknowledgement: one that has ended meanwhile is as well. The next look sees to the rest.
    const requests = refused.map(({ tuple }, index) =>
      message(CT_DELETE, 0, index + 1, inet4, nest(CTA_TUPLE_ORIG, tuple)),
    );
    await netlinkTransaction(hostNetns, NetlinkProtocol.NETLINK_NETFILTER, Buffer.concat(requests));
  }
}

interface Tracked {
  readonly destination: number;
  readonly tuple: Buffer;
}

/**
 * Connections that began at these addresses. The kernel goes through its whole table for each dump, 4 ms on a large machine;
 * so through a short one it goes once for many addresses, and through an empty one not at all.
 */
async function tracked(hostNetns: number | null, addresses: readonly number[]): Promise<Tracked[]> {
  const count = await trackedCount(hostNetns);
  if (count === 0) return [];
  const wanted = new Set(addresses);
  if (addresses.length > 1 && count <= fewConnections) return await dump(hostNetns, null, wanted);
  const found: Tracked[] = [];
  for (const address of wanted) found.push(...(await dump(hostNetns, address, wanted)));
  return found;
}

/** Of the namespace, with all that is not ours; a kernel that does not tell may have any number. */
async function trackedCount(hostNetns: number | null): Promise<number> {
  const text = await networkSysctl(hostNetns, 'netfilter/nf_conntrack_count', null).catch(() => '');
  return text === '' ? Number.POSITIVE_INFINITY : Number(text);
}

/** @param source the kernel chooses by it since 5.8, and what it says is checked; null: all */
async function dump(hostNetns: number | null, source: number | null, wanted: ReadonlySet<number>): Promise<Tracked[]> {
  const filter =
    source === null
      ? []
      : [nest(CTA_TUPLE_ORIG, nest(1, attribute(1, big32(source)))), nest(CTA_FILTER, attribute(1, native32(1)))];
  const request = message(CT_GET, NLM_F_DUMP, 1, inet4, ...filter);
  const answer = await netlinkTransaction(hostNetns, NetlinkProtocol.NETLINK_NETFILTER, request);
  return payloads(answer).flatMap((payload) => {
    const tuple = find(payload.subarray(4), CTA_TUPLE_ORIG);
    const from = tuple === undefined ? undefined : find(tuple, 1, 1);
    const destination = tuple === undefined ? undefined : find(tuple, 1, 2);
    if (tuple === undefined || destination === undefined || from?.length !== 4 || !wanted.has(from.readUInt32BE()))
      return [];
    return [{ destination: destination.readUInt32BE(), tuple }];
  });
}
