import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from '@hatchery/runtime';
import { dial } from '../../e2b/proxy/dial.ts';
import { joinSockets } from '../../e2b/proxy/join-sockets.ts';
import { untilGone } from '../../e2b/proxy/until-gone.ts';
import { upgradedAnswer } from '../../e2b/proxy/upgraded-answer.ts';
import { BoxError, toBoxError } from '../box-error.ts';
import type { Box } from '../boxes/box.ts';
import type { Boxes } from '../boxes/boxes.ts';
import type { TunnelPlace, TunnelTickets } from './tunnel-tickets.ts';

export interface TunnelContext {
  readonly tickets: TunnelTickets;
  readonly boxes: Pick<Boxes, 'holdOf'>;
  readonly logger: Logger;
  /** Fires when the server ends: tunnels, which have no end of their own, end then. */
  readonly closing: AbortSignal;
  /** Open tunnels of one box at a time. */
  readonly maxConnections: number;
}

/** The token before the address, as the URI has it that the client was given. */
const authority = /^([A-Za-z0-9_-]{43})@[^@/?#]+$/;
const nothing = Buffer.alloc(0);

/** What asks to CONNECT to a port of a box, by a URI from `POST …/network/tunnel`. A tunnel ends with the run of the box. */
export class Tunnels {
  readonly #context: TunnelContext;
  readonly #open = new WeakMap<Box, number>();

  constructor(context: TunnelContext) {
    this.#context = context;
  }

  /** The socket is the tunnel's from now on. */
  connect(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    void this.#serve(upgradedAnswer(request, socket), request.url ?? '', head);
  }

  async #serve(answer: ServerResponse, target: string, head: Buffer): Promise<void> {
    try {
      const { box, port } = this.#admit(target);
      using _entry = this.#enter(box);
      using _use = this.#context.boxes.holdOf(box);
      const signal = AbortSignal.any([untilGone(answer), this.#context.closing]);
      const server = { socket: await dial(box.sandbox, port, signal), head: nothing };
      const opening = 'HTTP/1.1 200 Connection established\r\n\r\n';
      await joinSockets({ answer, head, server, opening, signal: this.#context.closing });
    } catch (error) {
      this.#refuse(answer, error);
    }
  }

  #admit(target: string): TunnelPlace {
    const [, token] = authority.exec(target) ?? [];
    const place = token === undefined ? null : this.#context.tickets.use(token);
    if (place !== null) return place;
    const text =
      'this is no tunnel, or no longer: its URI lets one connection in, within a minute; ask for another one';
    throw new BoxError('permission_denied', text);
  }

  #enter(box: Box): Disposable {
    const open = this.#open.get(box) ?? 0;
    const { maxConnections } = this.#context;
    if (open >= maxConnections)
      throw new BoxError('resource_exhausted', `box ${box.id} has ${open} tunnels open, which is the most; close some`);
    this.#open.set(box, open + 1);
    return { [Symbol.dispose]: () => this.#open.set(box, (this.#open.get(box) ?? 1) - 1) };
  }

  #refuse(answer: ServerResponse, error: unknown): void {
    // The client has gone meanwhile: that is why, and nobody is to be told. Or this server ends.
    if (answer.socket === null || answer.socket.destroyed || this.#context.closing.aborted) {
      answer.socket?.destroy();
      return;
    }
    const told = toBoxError(error);
    if (told.code === 'internal') this.#context.logger.error({ err: error }, 'a tunnel failed');
    const body = JSON.stringify(told.body);
    answer.writeHead(told.status, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
    });
    answer.end(body);
  }
}
