import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import type { Duplex } from 'node:stream';
import type { HostedSandbox } from '../hosted/hosted-sandbox.ts';
import type { DialArgs, DialingAgent } from './dialing-agent.ts';
import type { Request, Target } from './exchange.ts';
import { Refusal } from './refusal.ts';
import { hasBody, requestHeaders } from './request-headers.ts';

const maxHeaderBytes = 16 * 1024;
const maxHeaders = 256;

/** What a server has answered: its head, and of an upgrade the connection from then on. */
export interface ServerAnswer {
  readonly message: IncomingMessage;
  readonly upgraded: { readonly socket: Duplex; readonly head: Buffer } | null;
}

/** A request that is on its way to a server. */
export interface Asked {
  readonly outgoing: ClientRequest;
  /** Rejects with what broke it off. */
  readonly answered: Promise<ServerAnswer>;
}

/** Sends a request on, its body as it comes. Throws a Refusal for what HTTP/1.1 cannot carry. */
export function askServer(
  request: Request,
  hosted: HostedSandbox,
  target: Target,
  how: { agent: DialingAgent; gone: AbortSignal; upgrade: string | null },
): Asked {
  const options: RequestOptions & DialArgs = {
    agent: how.agent,
    port: target.port,
    gone: how.gone,
    method: request.method ?? 'GET',
    path: target.url,
    headers: requestHeaders(request, hosted, target, how.upgrade),
    maxHeaderSize: maxHeaderBytes,
  };
  const outgoing = start(options, target);
  // One more than is passed on: what is beyond it is dropped without a word.
  outgoing.maxHeadersCount = maxHeaders + 1;
  const answered = new Promise<ServerAnswer>((resolve, reject) => {
    outgoing.on('response', (message) => resolve({ message, upgraded: null }));
    // Without somebody who listens for it, a change of protocol that was not asked for ends the connection.
    if (how.upgrade !== null)
      outgoing.on('upgrade', (message, socket, head) => resolve({ message, upgraded: { socket, head } }));
    outgoing.on('error', reject);
    outgoing.once('close', () => reject(new Error('the connection ended before an answer')));
  });
  const giveUp = (): void => void outgoing.destroy();
  how.gone.addEventListener('abort', giveUp, { once: true });
  if (hasBody(request)) request.pipe(outgoing);
  else outgoing.end();
  return { outgoing, answered: answered.then(checked) };
}

function start(options: RequestOptions & DialArgs, { sandboxId, port }: Target): ClientRequest {
  try {
    return httpRequest(options);
  } catch (cause) {
    throw new Refusal(400, 'The request cannot be passed on as HTTP/1.1', { sandboxId, port }, { cause });
  }
}

function checked(answer: ServerAnswer): ServerAnswer {
  if (answer.message.rawHeaders.length <= 2 * maxHeaders) return answer;
  answer.message.destroy();
  throw new Error(`the answer has more than ${maxHeaders} headers`);
}
