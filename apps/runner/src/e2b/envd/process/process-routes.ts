import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from '@connectrpc/connect';
import { breakOffCall, hostedIn, userIn } from '../connect/hosted-in.ts';
import { keepaliveMs, withKeepalive } from '../connect/keepalive.ts';
import type { EnvdContext } from '../envd-context.ts';
import {
  Process,
  type ProcessInfoSchema,
  type ProcessInput,
  type ProcessSelector,
  Signal,
  type StreamInputRequest,
} from '../protocol/process.generated.ts';
import { type EnvdProcess, killMs } from './envd-process.ts';
import { type ProcessMessage, ProcessStream, SandboxGone } from './process-stream.ts';
import { ProcessTables } from './process-tables.ts';
import { startProcess } from './start-process.ts';
import { terminalSizeOf } from './terminal-size.ts';

/** The service process.Process. */
export function processRoutes(router: ConnectRouter, context: EnvdContext): void {
  const tables = new ProcessTables(context);
  const find = (selector: ProcessSelector | undefined, call: HandlerContext): EnvdProcess =>
    tables.of(hostedIn(call)).find(selector);

  router.service(Process, {
    list: (_, call) => ({ processes: tables.of(hostedIn(call)).running().map(viewOf) }),

    async *start(request, call) {
      const starting = { hosted: hostedIn(call), user: userIn(call), timeoutMs: call.timeoutMs() ?? null };
      const process = await startProcess(tables, request, starting);
      context.metrics.started(process.execution);
      try {
        for await (const message of messagesOf(process, call, context)) {
          if (message.event.event?.case === 'end' && process.status?.reason === 'timeout') throw timedOut();
          yield message;
        }
      } catch (error) {
        // Its tree is being killed; when the client hears of it, it is dead.
        if (isTimeout(error)) await process.execution.wait({ signal: AbortSignal.timeout(killMs) }).catch(() => {});
        throw error;
      }
    },

    connect: ({ process: selector }, call) => messagesOf(tables.of(hostedIn(call)).findRecent(selector), call, context),

    async update({ process: selector, pty }, call) {
      const process = find(selector, call);
      if (pty === undefined) return {};
      if (!process.isPty) throw new ConnectError(`process ${process.pid} has no pty`, Code.Internal);
      await process.execution.resize(terminalSizeOf(pty));
      return {};
    },

    async sendInput({ process: selector, input }, call) {
      await feed(find(selector, call), input, call.signal);
      return {};
    },

    async streamInput(requests: AsyncIterable<StreamInputRequest>, call) {
      let process: EnvdProcess | null = null;
      for await (const { event } of requests) {
        if (event.case === 'start') process = find(event.value.process, call);
        if (event.case !== 'data') continue;
        if (process === null) throw new ConnectError('data came before start', Code.InvalidArgument);
        await feed(process, event.value.input, call.signal);
      }
      return {};
    },

    async sendSignal({ process: selector, signal }, call) {
      const process = find(selector, call);
      if (signal === Signal.SIGTERM) await process.signal('SIGTERM');
      else if (signal === Signal.SIGKILL) await process.signal('SIGKILL');
      else throw new ConnectError('only SIGTERM and SIGKILL can be sent', Code.Unimplemented);
      return {};
    },

    async closeStdin({ process: selector }, call) {
      await find(selector, call).closeStdin();
      return {};
    },
  });
}

function viewOf({ pid, tag, record }: EnvdProcess): MessageInitShape<typeof ProcessInfoSchema> {
  const { cmd, args, envs, cwd } = record.info.config;
  const config = { cmd, args: [...args], envs: { ...envs }, ...(cwd === null ? {} : { cwd }) };
  return { config, pid, ...(tag === null ? {} : { tag }) };
}

async function feed(process: EnvdProcess, input: ProcessInput | undefined, signal: AbortSignal): Promise<void> {
  const { case: to, value } = input?.input ?? { case: undefined };
  if (to === undefined) throw new ConnectError('input is neither stdin nor pty', Code.Unimplemented);
  await process.feed(to, value, signal);
}

/** A client's stream of a process, with a keepalive whenever nothing else has come for as long as the client wants. */
async function* messagesOf(
  process: EnvdProcess,
  call: HandlerContext,
  { closing }: EnvdContext,
): AsyncGenerator<{ event: ProcessMessage }> {
  const messages = new ProcessStream(process, call.signal).messages();
  const everyMs = keepaliveMs(call.requestHeader.get('keepalive-ping-interval'));
  try {
    for await (const event of withKeepalive(messages, everyMs, keepalive)) yield { event };
  } catch (error) {
    if (error instanceof SandboxGone) {
      // As a connection to a machine that is gone: clients ask /health then, and say what has happened.
      breakOffCall(call);
      throw new ConnectError('the sandbox has ended', Code.Aborted);
    }
    if (closing.aborted)
      throw new ConnectError('the server ends; the process goes on: connect to it again', Code.Aborted);
    throw error;
  }
}

function keepalive(): ProcessMessage {
  return { event: { case: 'keepalive', value: {} } };
}

function timedOut(): ConnectError {
  return new ConnectError('the process was killed at the deadline of the call', Code.DeadlineExceeded);
}

function isTimeout(error: unknown): boolean {
  return error instanceof ConnectError && error.code === Code.DeadlineExceeded;
}
