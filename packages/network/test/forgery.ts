/** A Python program that sends one UDP packet to port 53 of `destination`, as if from `source`. Needs CAP_NET_RAW. */
export function forgery(source: string, destination: string): string {
  return `
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
udp = struct.pack('!HHHH', 999, 53, 13, 0) + b'hello'
s.sendto(struct.pack('!BBHHHBBH4s4s', 0x45, 0, 33, 1, 0, 64, 17, 0, socket.inet_aton('${source}'), socket.inet_aton('${destination}')) + udp, ('${destination}', 0))`;
}
