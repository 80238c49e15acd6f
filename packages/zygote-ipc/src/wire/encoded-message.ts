/** One datagram and the descriptors that go beside it, in order. The descriptors stay the caller's. */
export interface EncodedMessage {
  readonly data: Buffer;
  readonly fds: number[];
}
