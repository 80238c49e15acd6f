import { closeNetlink, NetlinkProtocol, netlinkExchange, openNetlink } from '@hatchery/linux';

const ignore = (): void => undefined;

/**
 * A socket to the netfilter of a network namespace, which is kept: the kernel answers the close of one only when everything that
 * was deleted before is freed (nft_rcv_nl_event(): an RCU grace period, 10 ms and more), and meanwhile nobody's transactions
 * go on. It is opened by the first exchange. One exchange at a time, in the order they are asked for.
 */
export class Netfilter {
  readonly #hostNetns: number | null;
  #socket: number | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  /** @param hostNetns descriptor, borrowed until `close`; null: this process's */
  constructor(hostNetns: number | null) {
    this.#hostNetns = hostNetns;
  }

  /** As `netlinkExchange` of @hatchery/linux. */
  exchange(messages: Uint8Array): Promise<Buffer> {
    const answer = this.#turn.then(() => this.#exchange(messages));
    this.#turn = answer.catch(ignore); // told to whoever asked for it
    return answer;
  }

  /** After what was asked for before; an exchange that is asked for later has a socket for itself alone. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#turn;
    await this.#closeSocket();
  }

  async #exchange(messages: Uint8Array): Promise<Buffer> {
    this.#socket ??= await openNetlink(this.#hostNetns, NetlinkProtocol.NETLINK_NETFILTER);
    try {
      return await netlinkExchange(this.#socket, messages);
    } catch (error) {
      // The kernel may have more to say of what it refused, which would be taken for the next answer.
      await this.#closeSocket();
      throw error;
    } finally {
      if (this.#isClosed) await this.#closeSocket();
    }
  }

  async #closeSocket(): Promise<void> {
    const socket = this.#socket;
    this.#socket = null;
    if (socket !== null) await closeNetlink(socket);
  }
}
