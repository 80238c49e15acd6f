import { closeFd, SeqpacketChannel } from '@hatchery/linux';
import type { MessageName, WireMessages } from '../../src/wire/codec.generated.ts';
import { type DecodedMessage, decode, type WireRoute } from '../../src/wire/decode.ts';
import { encode } from '../../src/wire/encode.ts';
import { wireVersion } from '../../src/wire/messages.ts';

/** One end of a connection that may say anything: any bytes, any descriptors, at any time. */
export class RawPeer<Route extends WireRoute> implements Disposable {
  /** Resolves when the other end has closed. */
  readonly closed: Promise<void>;
  readonly #route: Route;
  readonly #channel: SeqpacketChannel;
  readonly #received: DecodedMessage<Route>[] = [];
  readonly #fds: number[] = [];
  #wake: () => void = () => {};

  readonly #version: number;

  /** Owns `fd`; `route` is what arrives here. */
  constructor(fd: number, route: Route, version: number = wireVersion) {
    this.#route = route;
    this.#version = version;
    const closed = Promise.withResolvers<void>();
    this.closed = closed.promise;
    this.#channel = new SeqpacketChannel(fd, {
      maxBytes: 200_000,
      maxFds: 253,
      onMessage: ({ data, fds }) => {
        this.#fds.push(...fds);
        this.#received.push(decode(this.#route, data, fds, this.#version));
        this.#wake();
      },
      onClose: () => closed.resolve(),
    });
  }

  send(data: Uint8Array, fds: readonly number[] = []): void {
    this.#channel.send(data, fds);
  }

  tell<Name extends MessageName>(name: Name, request: number, message: WireMessages[Name]): void {
    const { data, fds } = encode(name, request, message, this.#version);
    this.send(data, fds);
  }

  /** The next message. Its descriptors are closed with this peer. */
  async next(): Promise<DecodedMessage<Route>> {
    for (;;) {
      const message = this.#received.shift();
      if (message !== undefined) return message;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await Promise.race([promise, this.closed.then(() => Promise.reject(new Error('closed by the other end')))]);
    }
  }

  /** The next message, which must be of this kind. */
  async expect<Name extends DecodedMessage<Route>['name']>(
    name: Name,
  ): Promise<Extract<DecodedMessage<Route>, { name: Name }>> {
    const message = await this.next();
    const seen: string = message.name;
    if (seen !== name) throw new Error(`${seen} instead of ${name}: ${JSON.stringify(message)}`);
    return message as Extract<DecodedMessage<Route>, { name: Name }>;
  }

  /** Closes the descriptors that came. */
  [Symbol.dispose](): void {
    this.#channel.close();
    for (const fd of this.#fds.splice(0)) closeFd(fd);
  }
}
