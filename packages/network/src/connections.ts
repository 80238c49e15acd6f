import { setImmediate } from 'node:timers/promises';
import { networkSysctl } from '@hatchery/linux';
import type { Netfilter } from './netfilter.ts';
import { attribute, big32, eachPayload, find, message, NLM_F_DUMP, native32, nest } from './netlink-message.ts';

const CT_GET = (1 << 8) | 1;
const CT_DELETE = (1 << 8) | 2;
const CTA_TUPLE_ORIG = 1;
const CTA_FILTER = 25;
const inet4 = Buffer.from([2, 0, 0, 0]);
/** What the host tracks, and where it does: descriptor of its network namespace, null for this process's. */
export interface Tracking {
  readonly netfilter: Netfilter;
  readonly hostNetns: number | null;
}

/** A connection that is made between a look and its deletion is looked for again; the rules refuse new ones already. */
const looks = 3;
/** Of which a list is short enough for the main thread. */
const fewConnections = 2000;
/** A sandbox can have as many as the host tracks, a quarter of a million: others have their turns between so many of its. */
const atATime = 500;

/**
 * Deletes what the host tracks of connections from these addresses to destinations that `permits` refuses to the address, so that the host
 * answers their other ends with resets. The rules have cut them before; this lets the other end know.
 */
export async function forgetConnections(
  tracking: Tracking,
  addresses: readonly number[],
  permits: (destination: number, address: number) => boolean,
): Promise<void> {
  for (let look = 0; look < looks; look++) {
    const refused = (await tracked(tracking, addresses)).filter(
      ({ destination, address }) => !permits(destination, address),
    );
    if (refused.length === 0) return;
    for (let first = 0; first < refused.length; first += atATime)
      await forget(tracking, refused.slice(first, first + atATime));
  }
}

/** Without acknowledgement: one that has ended meanwhile is as well. The next look sees to the rest. */
async function forget({ netfilter }: Tracking, connections: readonly Tracked[]): Promise<void> {
  const requests = connections.map(({ tuple }, index) =>
    message(CT_DELETE, 0, index + 1, inet4, nest(CTA_TUPLE_ORIG, tuple)),
  );
  await netfilter.exchange(Buffer.concat(requests));
}

interface Tracked {
  readonly address: number;
  readonly destination: number;
  readonly tuple: Buffer;
}

/**
 * Connections that began at these addresses. The kernel goes through its whole table for each dump, 4 ms on a large machine;
 * so through a short one it goes once for many addresses, and through an empty one not at all.
 */
async function tracked({ netfilter, hostNetns }: Tracking, addresses: readonly number[]): Promise<Tracked[]> {
  const count = await trackedCount(hostNetns);
  if (count === 0) return [];
  const wanted = new Set(addresses);
  if (addresses.length > 1 && count <= fewConnections) return await dump(netfilter, null, wanted);
  const found: Tracked[] = [];
  for (const address of wanted) for (const one of await dump(netfilter, address, wanted)) found.push(one);
  return found;
}

/** Of the namespace, with all that is not ours; a kernel that does not tell may have any number. */
async function trackedCount(hostNetns: number | null): Promise<number> {
  const text = await networkSysctl(hostNetns, 'netfilter/nf_conntrack_count', null).catch(() => '');
  return text === '' ? Number.POSITIVE_INFINITY : Number(text);
}

/** @param source the kernel chooses by it since 5.8, and what it says is checked; null: all */
async function dump(netfilter: Netfilter, source: number | null, wanted: ReadonlySet<number>): Promise<Tracked[]> {
  const filter =
    source === null
      ? []
      : [nest(CTA_TUPLE_ORIG, nest(1, attribute(1, big32(source)))), nest(CTA_FILTER, attribute(1, native32(1)))];
  const request = message(CT_GET, NLM_F_DUMP, 1, inet4, ...filter);
  const answer = await netfilter.exchange(request);
  const found: Tracked[] = [];
  let read = 0;
  for (const payload of eachPayload(answer)) {
    read += 1;
    if (read % atATime === 0) await setImmediate();
    const tuple = find(payload.subarray(4), CTA_TUPLE_ORIG);
    const from = tuple === undefined ? undefined : find(tuple, 1, 1);
    const destination = tuple === undefined ? undefined : find(tuple, 1, 2);
    if (tuple === undefined || destination === undefined || from?.length !== 4 || !wanted.has(from.readUInt32BE()))
      continue;
    found.push({ address: from.readUInt32BE(), destination: destination.readUInt32BE(), tuple });
  }
  return found;
}
