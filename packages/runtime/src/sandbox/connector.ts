import { closeFd, seqpacketPair } from '@hatchery/linux';
import { type ExitMessage, InitConnection } from '@hatchery/zygote-ipc';

/** Whom a connection is about. */
export interface ConnectionOwner {
  onExit(exit: ExitMessage): void;
  onConnectionClosed(): void;
}

/** The first connection to an init that is yet to be made: our end listens before the other is sent. */
export class Connector {
  readonly connection: InitConnection;
  /** The end that goes to init. */
  readonly theirs: number;
  #isOpen = true;
  #owner: ConnectionOwner | null = null;

  constructor(sandboxId: string) {
    const [ours, theirs] = seqpacketPair();
    this.theirs = theirs;
    this.connection = new InitConnection(ours, {
      sandboxId,
      onExit: (exit) => this.#owner?.onExit(exit),
      onClosed: () => this.#owner?.onConnectionClosed(),
    });
  }

  /** Who hears of exits and of the end; nothing comes before the first exec. */
  attach(owner: ConnectionOwner): void {
    this.#owner = owner;
  }

  /** Idempotent: a create can be given up before it is sent. */
  closeTheirs(): void {
    if (this.#isOpen) closeFd(this.theirs);
    this.#isOpen = false;
  }
}
