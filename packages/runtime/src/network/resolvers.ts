import { readFile } from 'node:fs/promises';
import { BlockList, isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';

/** MAXNS of resolv.h. */
const most = 3;
/** systemd-resolved listens on loopback, and tells here whom it asks. */
const places = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];

/** Not of the public internet (RFC 6890), and Azure's, which is a door to the host. */
const notPublic = new BlockList();
for (const [address, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['224.0.0.0', 3],
] as const)
  notPublic.addSubnet(address, bits);

/**
 * Name servers of the host's that a sandbox may be told of: public ones that are not the host itself. A private one knows
 * names of the host's network, so it has to be given by the option `network.resolvers`. Empty: there is none.
 */
export async function publicResolvers(): Promise<string[]> {
  for (const place of places) {
    const found = parseResolvers(await readFile(place, 'utf8').catch(() => ''), ownAddresses());
    if (found.length > 0) return found;
  }
  return [];
}

/** Those of a resolv.conf(5), without `own` addresses. */
export function parseResolvers(text: string, own: ReadonlySet<string>): string[] {
  const servers = [...text.matchAll(/^nameserver[ \t]+(\S+)/gm)].map(([, address = '']) => address);
  const usable = servers.filter((address) => isIPv4(address) && !notPublic.check(address) && !own.has(address));
  return [...new Set(usable)].slice(0, most);
}

function ownAddresses(): Set<string> {
  return new Set(Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)));
}
