import { protectProcess } from '@hatchery/linux';
import { type Execution, type ExitStatus, Runtime, type Sandbox } from '@hatchery/runtime';
import { CliError } from '../cli-error.ts';
import { ExitCode, exitCodeOfError, exitCodeOfSignal, exitCodeOfStatus } from '../exit-code.ts';
import { reportError } from '../report-error.ts';
import { compileFlags, type RunRequest } from './compile-flags.ts';
import { copyOutput } from './copy-output.ts';
import { feedInput } from './feed-input.ts';
import { OwnTerminal } from './own-terminal.ts';
import { type Command, readCommand } from './read-command.ts';
import type { RunFlags } from './run-flags.ts';
import { SignalRelay } from './signal-relay.ts';

/** Runs one program in a sandbox of its own and returns the exit code for this process. The sandbox is gone by then. */
export async function run(typed: readonly string[], flags: RunFlags): Promise<number> {
  // Variables and output of programs are in our memory.
  protectProcess();
  using relay = new SignalRelay();
  try {
    const command = readCommand('run', typed);
    using terminal = new OwnTerminal(process.stdin, process.stdout);
    const status = await runInSandbox(command, compileFlags(flags, process.env, terminal.size), relay, terminal);
    return await exitCodeOf(status, relay);
  } catch (error) {
    // The user ended it before it began: nothing to explain.
    if (relay.beforeStart.aborted && relay.received !== null) return exitCodeOfSignal(relay.received);
    await reportError(error);
    return exitCodeOfError(error);
  }
}

async function runInSandbox(
  command: Command,
  request: RunRequest,
  relay: SignalRelay,
  terminal: OwnTerminal,
): Promise<ExitStatus> {
  const signal = relay.beforeStart;
  // A private instance: it disturbs no other, and the next one sweeps it if we are killed.
  await using runtime = await Runtime.open();
  await using sandbox = await runtime.create(request.spec, { signal });
  const execution = await sandbox.exec(command, { ...request.execOptions, signal });
  relay.attach({
    forward: (received) => void execution.kill(received).catch(reportError),
    giveUp: () => void sandbox.destroy().catch(reportError),
  });
  if (request.execOptions.tty !== undefined) attachTerminal(execution, terminal);
  return await streamUntilExit(sandbox, execution);
}

function attachTerminal(execution: Execution, terminal: OwnTerminal): void {
  if (execution.stdin !== null) terminal.handOver();
  terminal.onResize((size) => void execution.resize(size).catch(reportError));
}

async function streamUntilExit(sandbox: Sandbox, execution: Execution): Promise<ExitStatus> {
  const output = Promise.all([
    copyOutput(execution.stdout, process.stdout),
    copyOutput(execution.stderr, process.stderr),
  ]);
  if (execution.stdin !== null) void feedInput(process.stdin, execution.stdin).catch(reportError);
  // A failing copy (a full disk under our stdout) ends the run; copies that are done say nothing yet about the program.
  const status = await Promise.race([execution.wait(), output.then(() => execution.wait())]);
  // What the program left in the background holds its pipes open: without an end, the copies would never finish.
  await sandbox.destroy();
  await output;
  return status;
}

async function exitCodeOf(status: ExitStatus, relay: SignalRelay): Promise<number> {
  if (status.reason === 'out-of-memory')
    await reportError(new Error('[out-of-memory] the program was killed; raise --memory'));
  const exitCode = exitCodeOfStatus(status);
  if (exitCode !== null) return exitCode;
  if (relay.received !== null) return exitCodeOfSignal(relay.received);
  await reportError(
    new CliError('ERR_SANDBOX_LOST', `the sandbox ended before its program did (${status.reason}); run it again`),
  );
  return ExitCode.failure;
}
