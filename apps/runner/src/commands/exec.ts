import { protectProcess } from '@hatchery/linux';
import type { ExitStatus } from '@hatchery/runtime';
import { CliError } from '../cli-error.ts';
import type { Client } from '../client/client.ts';
import { ExecSession } from '../client/exec-session.ts';
import { openClient } from '../client/open-client.ts';
import { ExitCode, exitCodeOfError, exitCodeOfSignal, exitCodeOfStatus } from '../exit-code.ts';
import { reportError } from '../report-error.ts';
import { feedInput } from '../run/feed-input.ts';
import { OwnTerminal } from '../run/own-terminal.ts';
import { SignalRelay } from '../run/signal-relay.ts';
import type { ExecRequest, StartedView } from '../wire/views.ts';
import { write } from '../write.ts';
import { compileExec } from './compile-exec.ts';
import type { ExecFlags } from './exec-flags.ts';
import { OutputCopy } from './output-copy.ts';

/** Runs a program in a sandbox of the server and returns the exit code for this process. */
export async function exec(sandboxId: string, typed: readonly string[], flags: ExecFlags): Promise<number> {
  // Variables and output of programs are in our memory.
  protectProcess();
  using relay = new SignalRelay();
  try {
    const client = openClient(flags);
    using terminal = new OwnTerminal(process.stdin, process.stdout);
    const request = compileExec(typed, flags, process.env, terminal.size);
    if (flags.detach === true) return await detach(client, sandboxId, request);
    const session = await ExecSession.start(client, sandboxId, request, relay.beforeStart);
    return await exitCodeOf(await follow(session, request, relay, terminal), relay);
  } catch (error) {
    // The user ended it before it began: nothing to explain.
    if (relay.beforeStart.aborted && relay.received !== null) return exitCodeOfSignal(relay.received);
    await reportError(error);
    return exitCodeOfError(error);
  }
}

async function detach(client: Client, sandboxId: string, request: ExecRequest): Promise<number> {
  const path = `/v1/sandboxes/${encodeURIComponent(sandboxId)}/executions`;
  const { id } = await client.call<StartedView>('POST', path, { body: request });
  await write(process.stdout, `${id}\n`);
  return 0;
}

async function follow(
  session: ExecSession,
  request: ExecRequest,
  relay: SignalRelay,
  terminal: OwnTerminal,
): Promise<ExitStatus> {
  relay.attach({ forward: (signal) => session.signal(signal), giveUp: () => session.end() });
  if (request.options?.tty !== undefined) {
    if (session.stdin !== null) terminal.handOver();
    terminal.onResize((size) => session.resize(size));
  }
  if (session.stdin !== null) void feedInput(process.stdin, session.stdin).catch(reportError);
  const copy = new OutputCopy((stream) => session.closeOutput(stream));
  for await (const event of session.output()) {
    if (event.type === 'exit') return event.status;
    await copy.take(event);
  }
  throw new CliError('ERR_SERVER_LOST', 'the output ended without an exit; see hatchery ps');
}

async function exitCodeOf(status: ExitStatus, relay: SignalRelay): Promise<number> {
  if (status.reason === 'out-of-memory')
    await reportError(new Error('[out-of-memory] the program was killed; its sandbox needs more --memory'));
  // Given up: what ended it was our own order.
  if (relay.gaveUp && relay.received !== null) return exitCodeOfSignal(relay.received);
  const exitCode = exitCodeOfStatus(status);
  if (exitCode !== null) return exitCode;
  await reportError(
    new CliError('ERR_SANDBOX_LOST', `the sandbox ended before its program did (${status.reason}); make a new one`),
  );
  return ExitCode.failure;
}
