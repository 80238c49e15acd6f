import { NetlinkProtocol, netlinkTransaction } from '@hatchery/linux';
import { message, NLM_F_DUMP, payloads } from './netlink-message.ts';

const SOCK_DIAG_BY_FAMILY = 20;
const SOCK_DESTROY = 21;
const AF_INET = 2;
const AF_INET6 = 10;
const protocols = [6, 17];
const TCP_LISTEN = 10;
const idBytes = 48;

/**
 * Aborts the sockets in a slot whose other end `permits` refuses: a reader there gets ECONNABORTED at once instead of
 * waiting for an answer that cannot come. A kernel without CONFIG_INET_DIAG_DESTROY aborts none; the rules cut them anyway.
 */
export async function abortSockets(netns: number, permits: (destination: number) => boolean): Promise<void> {
  for (const family of [AF_INET, AF_INET6]) {
    for (const protocol of protocols) {
      const answer = await netlinkTransaction(
        netns,
        NetlinkProtocol.NETLINK_SOCK_DIAG,
        request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, family, protocol, null),
      );
      const refused = payloads(answer).flatMap((payload) => {
        const id = payload.subarray(4, 4 + idBytes);
        const destination = destinationOf(family, id);
        return destination === null || destination === 0 || destination >>> 24 === 127 || permits(destination)
          ? []
          : [id];
      });
      if (refused.length === 0) continue;
      const aborts = refused.map((id) => request(SOCK_DESTROY, 0, family, protocol, id));
      await netlinkTransaction(netns, NetlinkProtocol.NETLINK_SOCK_DIAG, Buffer.concat(aborts));
    }
  }
}

function request(type: number, flags: number, family: number, protocol: number, id: Buffer | null): Buffer {
  const body = Buffer.alloc(8 + idBytes);
  body[0] = family;
  body[1] = protocol;
  body.writeUInt32LE((~(1 << TCP_LISTEN) & 0xffff_ffff) >>> 0, 4);
  if (id !== null) body.set(id, 8);
  return message(type, flags, 1, body);
}

/** null: an IPv6 address, which leads nowhere in a slot. */
function destinationOf(family: number, id: Buffer): number | null {
  if (id.length < idBytes) return null;
  const bytes = id.subarray(20, 36);
  if (family === AF_INET) return bytes.readUInt32BE();
  const mapped = bytes.readBigUInt64BE() === 0n && bytes.readUInt32BE(8) === 0xffff;
  return mapped ? bytes.readUInt32BE(12) : null;
}
