import { join } from 'node:path';
import { protectProcess } from '@hatchery/linux';
import { Runtime } from '@hatchery/runtime';
import { CliError } from '../cli-error.ts';
import { parseNumber } from '../run/parse-number.ts';
import { createLogger, isLogLevel, logLevels } from './create-logger.ts';
import { EndSignals } from './end-signals.ts';
import { RunningServer } from './running-server.ts';
import type { ServeFlags } from './serve-flags.ts';

/** An hour: `logs` of what has ended. The runtime bounds how much of it is kept. */
const exitRetentionMs = 3_600_000;

/** Owns an instance and answers on its socket until a signal ends it. Returns the exit code for this process. */
export async function serve(flags: ServeFlags): Promise<number> {
  // Variables and output of programs are in our memory.
  protectProcess();
  const { logLevel, onExit, runDirectory, dataDirectory, instance, poolFloor, poolCeiling } = flags;
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
  const runtime = await Runtime.open({ runDirectory, dataDirectory, instance, logger, exitRetentionMs, pool });
  // One that has never served has no say about what it has adopted.
  let sandboxes: 'keep' | 'destroy' = 'keep';
  let server: RunningServer | null = null;
  try {
    server = await RunningServer.start(runtime, logger, socket);
    logger.info({ pid: process.pid, socket, instance, sandboxes: runtime.list().length }, 'listening');
    const signal = await ending.first;
    logger.info({ signal }, 'ending');
    sandboxes = onExit;
    server.beginEnd({ leaveClients: onExit === 'keep' });
  } finally {
    await runtime.close({ sandboxes });
  }
  await server.end();
  return 0;
}
