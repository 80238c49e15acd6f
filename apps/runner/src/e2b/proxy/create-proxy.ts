import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger, Runtime } from '@hatchery/runtime';
import type { HostedSandbox } from '../hosted/hosted-sandbox.ts';
import type { HostedSandboxes } from '../hosted/hosted-sandboxes.ts';
import { awake, requireHosted } from './awake.ts';
import { ConnectionMap } from './connection-map.ts';
import type { Answer, Request, Target } from './exchange.ts';
import { forward } from './forward.ts';
import { Refusal } from './refusal.ts';
import type { SandboxConnections } from './sandbox-connections.ts';
import { sendRefusal } from './send-refusal.ts';
import { checkTraffic } from './traffic-token.ts';
import { upgradedAnswer } from './upgraded-answer.ts';

/** The public way to the servers inside sandboxes. */
export interface Proxy {
  request(request: Request, answer: Answer, target: Target): void;
  /** A request for another protocol, such as a websocket's. The socket is the proxy's from then on. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, target: Target): void;
  /** Every connection to a sandbox ends. */
  close(): void;
}

export interface ProxyContext {
  readonly runtime: Runtime;
  readonly hosted: HostedSandboxes;
  readonly logger: Logger;
  /** Fires when the server ends: upgraded connections, which have no end of their own, end then. */
  readonly closing: AbortSignal;
  /** Requests and upgraded connections of one sandbox at a time. */
  readonly maxConnections: number;
}

export function createProxy(context: ProxyContext): Proxy {
  const connections = new ConnectionMap(context.runtime);
  const serve = async (request: Request, answer: Answer, target: Target, head: Buffer | null): Promise<void> => {
    try {
      const hosted = await admit(context, request, target);
      const open = connections.of(hosted);
      using _entry = enter(open, hosted, context.maxConnections);
      await forward({ request, answer, head, hosted, target, connections: open, closing: context.closing });
    } catch (error) {
      sendRefusal(request, answer, asRefusal(error, target, context.logger));
    }
  };
  return {
    request: (request, answer, target) => void serve(request, answer, target, null),
    upgrade: (request, socket, head, target) => void serve(request, upgradedAnswer(request, socket), target, head),
    close: () => connections.close(),
  };
}

/** Who has no right to it does not wake it. */
async function admit({ hosted }: ProxyContext, request: Request, { sandboxId }: Target): Promise<HostedSandbox> {
  const found = requireHosted(hosted, sandboxId);
  checkTraffic(request, found);
  await awake(hosted, found);
  return found;
}

function enter(connections: SandboxConnections, { id }: HostedSandbox, max: number): Disposable {
  if (connections.exchanges >= max) throw Refusal.tooManyConnections(id);
  return connections.enter();
}

function asRefusal(error: unknown, { sandboxId }: Target, logger: Logger): Refusal {
  if (error instanceof Refusal) return error;
  logger.error({ err: error, sandboxId }, 'a request for a sandbox failed');
  return new Refusal(500, 'A fault of hatchery; the log of the server has it', { sandboxId });
}
