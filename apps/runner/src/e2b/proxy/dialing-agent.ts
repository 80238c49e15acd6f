import { Agent, type AgentOptions, type ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';

/** A request's options, and when nobody wants it any more. */
export interface DialArgs extends ClientRequestArgs {
  readonly port: number;
  readonly gone: AbortSignal;
}

/** Connections to the ports of one sandbox, as `node:http` makes requests over them. */
export class DialingAgent extends Agent {
  readonly #connect: (port: number, gone: AbortSignal) => Promise<Duplex>;

  constructor(connect: (port: number, gone: AbortSignal) => Promise<Duplex>, options: AgentOptions) {
    super(options);
    this.#connect = connect;
  }

  /** What two requests must have in common to use one connection after the other. */
  override getName({ port }: { port?: number } = {}): string {
    return String(port);
  }

  override createConnection(
    args: ClientRequestArgs,
    onMade?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    const { port, gone } = args as DialArgs;
    this.#connect(port, gone).then(
      (socket) => onMade?.(null, socket),
      // The types ask for a socket that there is not.
      (error: Error) => onMade?.(error, undefined as unknown as Duplex),
    );
  }
}
