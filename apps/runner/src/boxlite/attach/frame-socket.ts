import type { WebSocket } from 'ws';

const pingMs = 15_000;
/** A frame that has not gone to the kernel by then is for nobody. */
const writeMs = 20_000;
/** Who has said nothing for so long, and no pong either, is gone. */
const silenceMs = 45_000;
const lookMs = 5000;
/** So much may be on its way before the next frame waits. */
const windowBytes = 262_144;
/** What a client makes us say while it takes nothing: more, and it is cut off. */
const maxBytes = 1_048_576;

/** One WebSocket: its frames with their back-pressure, and whether its client is still there. */
export class FrameSocket {
  readonly #socket: WebSocket;
  readonly #looks: NodeJS.Timeout;
  #waiting: (() => void)[] = [];
  #onWay = 0;
  #isEnding = false;
  /** Since when nothing has gone to the kernel although something waits, performance.now(); null: nothing waits. */
  #stuckSince: number | null = null;
  #heardAt = performance.now();
  #pingedAt = performance.now();

  /** Pings at once: a client waits ten seconds for a first frame. */
  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#looks = setInterval(() => this.#look(), lookMs).unref();
    const hear = (): void => {
      this.#heardAt = performance.now();
    };
    socket.on('message', hear).on('pong', hear);
    socket.on('ping', (data) => {
      hear();
      this.#reply(() => socket.pong(data, false, this.#sending()));
    });
    // Broken, or against the protocol: it closes, and that is told.
    socket.on('error', () => {});
    socket.once('close', () => {
      clearInterval(this.#looks);
      this.#goOn();
    });
    socket.ping(undefined, false, this.#sending());
  }

  /** Whether what is sent now can reach the client. */
  get accepts(): boolean {
    return this.#isOpen && !this.#isEnding;
  }

  get #isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /** Resolves when there is room for more, or nobody takes it any more. */
  async send(frame: Buffer): Promise<void> {
    if (!this.accepts) return;
    this.#socket.send(frame, { binary: true }, this.#sending());
    while (this.#socket.bufferedAmount > windowBytes && this.#isOpen) await this.#moved();
  }

  /** A text frame. */
  tell(message: object): void {
    this.#reply(() => this.#socket.send(JSON.stringify(message), this.#sending()));
  }

  /**
   * Says `last`, if there is something to say, and nothing afterwards, and closes the connection once the client has had the
   * time to take all of it.
   */
  async end(code: 1000 | 1001, reason: string, last: object | null = null): Promise<void> {
    if (last !== null) this.tell(last);
    this.#isEnding = true;
    // From its closing on a WebSocket is not waited for as long as a slow client may need.
    while (this.#onWay > 0 && this.#isOpen) await this.#moved();
    this.#socket.close(code, reason);
  }

  /** Breaks the connection. */
  drop(): void {
    this.#socket.terminate();
  }

  #reply(send: () => void): void {
    if (!this.accepts) return;
    if (this.#socket.bufferedAmount > maxBytes) this.#socket.terminate();
    else send();
  }

  /** Called when what is sent now has gone to the kernel, in the order of the sends. */
  #sending(): () => void {
    this.#onWay += 1;
    this.#stuckSince ??= performance.now();
    return () => {
      this.#onWay -= 1;
      this.#stuckSince = this.#onWay === 0 ? null : performance.now();
      this.#goOn();
    };
  }

  /** Resolves when something has gone to the kernel, or nothing will any more. */
  async #moved(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #goOn(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #look(): void {
    const now = performance.now();
    const isStuck = this.#stuckSince !== null && now - this.#stuckSince > writeMs;
    // Whoever is not listened to cannot be heard.
    if (this.#socket.isPaused) this.#heardAt = now;
    if (isStuck || now - this.#heardAt > silenceMs) this.#socket.terminate();
    else if (this.accepts && now - this.#pingedAt >= pingMs) {
      this.#pingedAt = now;
      this.#socket.ping(undefined, false, this.#sending());
    }
  }
}
