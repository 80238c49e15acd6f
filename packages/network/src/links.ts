import { NetlinkProtocol, netlinkTransaction } from '@hatchery/linux';
import { dump } from './netlink-dump.ts';
import { attributes, find, message, NLM_F_ACK, NLM_F_DUMP, text } from './netlink-message.ts';

const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_GETROUTE = 26;
const IFLA_IFNAME = 3;
const interfaceBytes = 16;

function routeSocket(hostNetns: number | null): (request: Buffer) => Promise<Buffer> {
  return (request) => netlinkTransaction(hostNetns, NetlinkProtocol.NETLINK_ROUTE, request);
}

/** Names of the interfaces that begin with `prefix`. */
export async function linksOf(hostNetns: number | null, prefix: string): Promise<Set<string>> {
  const request = message(RTM_GETLINK, NLM_F_DUMP, 1, Buffer.alloc(interfaceBytes));
  const links = await dump(routeSocket(hostNetns), request);
  const names = links.map((payload) =>
    find(payload.subarray(interfaceBytes), IFLA_IFNAME)?.toString('latin1').replace(/\0.*/, ''),
  );
  return new Set(names.filter((name) => name?.startsWith(prefix)) as string[]);
}

/** Waits for the kernel's lock and 36 ms more: for what somebody still holds, not for the everyday release. */
export async function deleteLink(hostNetns: number | null, name: string): Promise<void> {
  try {
    await netlinkTransaction(
      hostNetns,
      NetlinkProtocol.NETLINK_ROUTE,
      message(RTM_DELLINK, NLM_F_ACK, 1, Buffer.alloc(interfaceBytes), text(IFLA_IFNAME, name)),
    );
  } catch (error) {
    // It went meanwhile, with its namespace.
    if ((error as NodeJS.ErrnoException).code !== 'ENODEV') throw error;
  }
}

/** Destinations of the IPv4 routes of all tables but the default ones. */
export async function routes(hostNetns: number | null): Promise<{ address: number; prefix: number; pairs: boolean }[]> {
  const family = Buffer.alloc(12);
  family[0] = 2;
  const request = message(RTM_GETROUTE, NLM_F_DUMP, 1, family);
  return (await dump(routeSocket(hostNetns), request)).flatMap((payload) => {
    const prefix = payload[1] ?? 0;
    const destination = attributes(payload.subarray(12)).find(({ type }) => type === 1)?.value;
    return destination === undefined || prefix === 0
      ? []
      : [{ address: destination.readUInt32BE(), prefix, pairs: prefix >= 31 }];
  });
}
