import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { HatcheryError } from '@hatchery/runtime';
import type { HostedSandbox } from '../hosted/hosted-sandbox.ts';
import { answerHeaders, asHttp2 } from './answer-headers.ts';
import { type Asked, askServer, type ServerAnswer } from './ask-server.ts';
import type { Answer, Request, Target } from './exchange.ts';
import { pairsOf } from './header-pairs.ts';
import { joinSockets } from './join-sockets.ts';
import { Refusal } from './refusal.ts';
import { hasBody } from './request-headers.ts';
import type { SandboxConnections } from './sandbox-connections.ts';
import { untilGone } from './until-gone.ts';

/** One request, its answer, and who is to give it. */
export interface Exchange {
  readonly request: Request;
  readonly answer: Answer;
  /** What came behind the headers of a request to upgrade; null for any other. */
  readonly head: Buffer | null;
  readonly hosted: HostedSandbox;
  readonly target: Target;
  readonly connections: SandboxConnections;
  readonly closing: AbortSignal;
}

/** Has the server inside answer. Resolves when all of it has gone both ways; throws a Refusal while nothing has gone back. */
export async function forward(exchange: Exchange): Promise<void> {
  const { message, upgraded } = await ask(exchange);
  if (upgraded !== null) await join(exchange, message, upgraded);
  else await pass(exchange, message);
}

async function ask(exchange: Exchange): Promise<ServerAnswer> {
  const { request, answer, head, hosted, target, connections } = exchange;
  const gone = untilGone(answer);
  const upgrade = head === null ? null : (request.headers.upgrade ?? null);
  const begin = (agent: 'kept' | 'fresh'): Asked =>
    askServer(request, hosted, target, { agent: connections[agent], gone, upgrade });
  const isRepeatable = upgrade === null && !hasBody(request) && /^(?:GET|HEAD|OPTIONS)$/.test(request.method ?? '');
  // A server may close an idle connection just when it is used again. Only what can be asked twice takes that risk.
  const { outgoing, answered } = begin(isRepeatable ? 'kept' : 'fresh');
  try {
    return await answered.catch((error: unknown) => {
      if (!outgoing.reusedSocket || gone.aborted || connections.over.aborted) throw error;
      return begin('fresh').answered;
    });
  } catch (error) {
    throw asRefusal(error, exchange);
  }
}

function asRefusal(cause: unknown, { target: { sandboxId, port }, connections }: Exchange): unknown {
  if (cause instanceof Refusal) return cause;
  if (connections.over.aborted) return Refusal.notFound(sandboxId, { cause });
  if (!(cause instanceof HatcheryError)) return Refusal.noAnswer(sandboxId, port, { cause });
  if (cause.code === 'ERR_CONNECT_REFUSED') return Refusal.portClosed(sandboxId, port, { cause });
  if (cause.code === 'ERR_RESOURCES') return Refusal.tooManyConnections(sandboxId);
  if (['ERR_CONNECT_FAILED', 'ERR_ABORTED'].includes(cause.code)) return Refusal.noAnswer(sandboxId, port, { cause });
  return Refusal.notFound(sandboxId, { cause });
}

async function pass({ answer, target }: Exchange, message: IncomingMessage): Promise<void> {
  const { statusCode = 0, statusMessage } = message;
  const headers = answerHeaders(message, target.prefix);
  try {
    if (answer instanceof ServerResponse) {
      // The server's own, or none.
      answer.sendDate = false;
      answer.writeHead(statusCode, statusMessage, headers);
    } else answer.writeHead(statusCode, asHttp2(headers));
  } catch (cause) {
    message.destroy();
    throw Refusal.noAnswer(target.sandboxId, target.port, { cause });
  }
  // An event stream may say nothing for long, and its client waits for the headers.
  setImmediate(() => {
    if (answer instanceof ServerResponse && !answer.writableEnded && !answer.destroyed) answer.flushHeaders();
  });
  // Where either side breaks it off, the pipeline breaks the other one's connection: no part is taken for the whole.
  await pipeline(message, answer).catch(() => {});
}

async function join(
  { answer, head, closing: signal }: Exchange,
  message: IncomingMessage,
  server: { socket: Duplex; head: Buffer },
): Promise<void> {
  if (answer instanceof ServerResponse)
    await joinSockets({ answer, head: head ?? Buffer.alloc(0), server, opening: headOf(message), signal });
  else server.socket.destroy();
}

function headOf(message: IncomingMessage): string {
  const { statusCode, statusMessage, headers } = message;
  const lines = [...pairsOf(answerHeaders(message, ''))].map(([name, value]) => `${name}: ${value}\r\n`);
  const upgrade = `Connection: Upgrade\r\nUpgrade: ${headers.upgrade ?? ''}\r\n`;
  return `HTTP/1.1 ${statusCode} ${statusMessage}\r\n${upgrade}${lines.join('')}\r\n`;
}
