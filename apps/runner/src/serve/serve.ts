import { join } from 'node:path';
import { protectProcess } from '@hatchery/linux';
import { Runtime } from '@hatchery/runtime';
import { CliError } from '../cli-error.ts';
import { HostedSandboxes } from '../e2b/hosted/hosted-sandboxes.ts';
import { TokenSeed } from '../e2b/tokens/token-seed.ts';
import { KeyStore } from '../keys/key-store.ts';
import { parseNumber } from '../run/parse-number.ts';
import { TemplateStore } from '../templates/template-store.ts';
import { createLogger, isLogLevel, logLevels } from './create-logger.ts';
import { EndSignals } from './end-signals.ts';
import { RunningServer } from './running-server.ts';
import type { ServeFlags } from './serve-flags.ts';
import { TcpServer } from './tcp-server.ts';

/** An hour: `logs` of what has ended. The runtime bounds how much of it is kept. */
const exitRetentionMs = 3_600_000;
/** Requests that have not been answered then are cut off. */
const drainMs = 10_000;
const maxConnections = 10_000;
/** A day. */
const maxTimeoutMs = 86_400_000;

/** Owns an instance and answers on its socket until a signal ends it. Returns the exit code for this process. */
export async function serve(flags: ServeFlags): Promise<number> {
  // Variables and output of programs are in our memory.
  protectProcess();
  const { logLevel, onExit, runDirectory, dataDirectory, instance, poolFloor, poolCeiling, host } = flags;
  const port = parsePort(flags.port);
  const socket = flags.socket ?? join(runDirectory, 'hatchery.sock');
  if (!isLogLevel(logLevel))
    throw new CliError('ERR_USAGE', `--log-level: "${logLevel}" is none of ${logLevels.join(', ')}`);
  if (onExit !== 'keep' && onExit !== 'destroy')
    throw new CliError('ERR_USAGE', `--on-exit: "${onExit}" is neither keep nor destroy`);
  const floor = parseNumber('--pool-floor', poolFloor);
  const ceiling = parseNumber('--pool-ceiling', poolCeiling);
  const pool = ceiling === 0 && floor === 0 ? false : { floor, ceiling };
  const logger = createLogger(logLevel);
  using ending = new EndSignals();
  const keys = KeyStore.open(dataDirectory);
  const seed = TokenSeed.open(dataDirectory);
  const templates = await TemplateStore.open(dataDirectory);
  const runtime = await Runtime.open({ runDirectory, dataDirectory, instance, logger, exitRetentionMs, pool });
  // One that has never served has no say about what it has adopted.
  let sandboxes: 'keep' | 'destroy' = 'keep';
  let server: RunningServer | null = null;
  let tcp: TcpServer | null = null;
  const closing = new AbortController();
  try {
    const hosted = new HostedSandboxes(runtime, seed);
    const shared = { runtime, logger, keys, hosted, templates, maxTimeoutMs, closing: closing.signal };
    // First: a port that is taken leaves nothing behind.
    if (port !== null) tcp = await TcpServer.start(shared, { host, port, maxConnections });
    server = await RunningServer.start(runtime, logger, socket);
    const url = tcp?.url ?? null;
    logger.info({ pid: process.pid, socket, url, instance, sandboxes: runtime.list().length }, 'listening');
    const signal = await ending.first;
    logger.info({ signal }, 'ending');
    sandboxes = onExit;
    server.beginEnd({ leaveClients: onExit === 'keep' });
    closing.abort();
    await tcp?.end(drainMs);
  } finally {
    await runtime.close({ sandboxes });
  }
  await server.end();
  return 0;
}

/** null: no TCP. */
function parsePort(text: string): number | null {
  if (text === 'none') return null;
  if (/^\d{1,5}$/.test(text) && Number(text) < 65_536) return Number(text);
  throw new CliError('ERR_USAGE', `--port: "${text}" is neither a port from 0 to 65535 nor none`);
}
