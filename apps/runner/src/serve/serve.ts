import { join } from 'node:path';
import { BlockingPool } from '@hatchery/blocking-io';
import { protectProcess } from '@hatchery/linux';
import { Runtime, type RuntimeNetworkOptions } from '@hatchery/runtime';
import { VolumeStore } from '../boxlite/volumes/volume-store.ts';
import { HostedSandboxes } from '../e2b/hosted/hosted-sandboxes.ts';
import { TokenSeed } from '../e2b/tokens/token-seed.ts';
import { KeyStore } from '../keys/key-store.ts';
import { baseName } from '../templates/template.ts';
import { TemplateStore } from '../templates/template-store.ts';
import { write } from '../write.ts';
import { createLogger } from './create-logger.ts';
import { EndSignals } from './end-signals.ts';
import { greetingOf } from './greeting.ts';
import { Metrics } from './metrics/metrics.ts';
import { RunningServer } from './running-server.ts';
import { loadSettings, type SettingFlags } from './settings/load-settings.ts';
import type { ServeSettings } from './settings/serve-settings.ts';
import { TcpServer } from './tcp-server.ts';

/** An hour: `logs` of what has ended. The runtime bounds how much of it is kept. */
const exitRetentionMs = 3_600_000;

/** Owns an instance and answers on its socket and its port until a signal ends it. Returns the exit code for this process. */
export async function serve(flags: SettingFlags): Promise<number> {
  // Variables and output of programs are in our memory.
  protectProcess();
  const settings = loadSettings(flags, process.env);
  const { runDirectory, dataDirectory, instance, onExit, poolFloor: floor, poolCeiling: ceiling } = settings;
  const socket = settings.socket ?? join(runDirectory, 'hatchery.sock');
  const pool = ceiling === 0 && floor === 0 ? false : { floor, ceiling };
  const logger = createLogger(settings.logLevel);
  using ending = new EndSignals();
  const keys = KeyStore.open(dataDirectory);
  const seed = await TokenSeed.open(dataDirectory);
  const templates = await TemplateStore.open(dataDirectory);
  const place = await TcpServer.findPlace(settings);
  const workers = await BlockingPool.open({ logger });
  const volumes = await VolumeStore.open(dataDirectory, workers, logger);
  const places = { runDirectory, dataDirectory, instance, network: networkOf(settings) };
  const runtime = await Runtime.open({ ...places, logger, workers, exitRetentionMs, pool });
  // One that has never served has no say about what it has adopted.
  let sandboxes: 'keep' | 'destroy' = 'keep';
  let server: RunningServer | null = null;
  let tcp: TcpServer | null = null;
  const closing = new AbortController();
  try {
    const hosted = new HostedSandboxes(runtime, seed);
    const metrics = new Metrics({ runtime, workers, events: runtime.events() });
    const { maxTimeout: maxTimeoutMs } = settings;
    const shared = {
      runtime,
      logger,
      metrics,
      keys,
      hosted,
      templates,
      volumes,
      maxTimeoutMs,
      closing: closing.signal,
    };
    // First: a port that is taken leaves nothing behind. And at once: programs that have ended while no server was there are
    // found only until the runtime's first turn.
    tcp = await TcpServer.start(shared, settings, place);
    server = await RunningServer.start(shared, socket);
    const url = tcp?.url ?? null;
    // A first key is for clients of the port.
    const newKey = url === null ? null : await keys.createFirst('default');
    const trustPath = tcp?.trustPath ?? null;
    const greeting = greetingOf({ socket, url, newKey, hasKeys: keys.list().length > 0, trustPath });
    await write(process.stdout, greeting).catch(() => {}); // nobody reads it: then nobody is told
    logger.info({ pid: process.pid, socket, url, instance, sandboxes: runtime.list().length }, 'listening');
    const base = templates.find(baseName);
    if (base?.image === 'host') logger.warn({ template: baseName, is: base.description }, 'template is not built');
    const signal = await ending.first;
    logger.info({ signal }, 'ending');
    sandboxes = onExit;
    server.beginEnd({ leaveClients: onExit === 'keep' });
    closing.abort();
    await tcp?.end(settings.drainTimeout);
  } finally {
    await runtime.close({ sandboxes });
    await workers.close();
  }
  await server.end();
  return 0;
}

function networkOf({ networkRange, networkUplink, networkResolvers }: ServeSettings): RuntimeNetworkOptions {
  return {
    ...(networkRange === null ? {} : { addressRange: networkRange }),
    ...(networkUplink === null ? {} : { uplink: networkUplink }),
    ...(networkResolvers === null ? {} : { resolvers: networkResolvers.split(',') }),
  };
}
