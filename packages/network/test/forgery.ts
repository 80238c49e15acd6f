/** A Python program that sends one UDP packet to port 53 of `destination`, as if from `source`. Needs CAP_NET_RAW. */
export function forgery(source: string, destination: string): string {
  return `
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
udp = struct.pack('!HHHH', 999, 53, 13, 0) + b'hello'
s.sendto(struct.pack('!BBHHHBBH4s4s', 0x45, 0, 33, 1, 0, 64, 17, 0, socket.inet_aton('${source}'), socket.inet_aton('${destination}')) + udp, ('${destination}', 0))`;
}

/** A Python program that asks by ARP who has `target`, as if it were `sender` who asks. Needs CAP_NET_RAW. */
export function arpForgery(sender: string, target: string): string {
  return `
import socket, struct
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x0806)
s.bind(('eth0', 0x0806))
own = s.getsockname()[4]
ask = struct.pack('!HHBBH', 1, 0x0800, 6, 4, 1) + own + socket.inet_aton('${sender}') + bytes(6) + socket.inet_aton('${target}')
s.send(bytes([255] * 6) + own + struct.pack('!H', 0x0806) + ask)`;
}
