import { BlockingPool } from '@hatchery/blocking-io';
import { compileNetworkOptions, type RuntimeNetworkOptions } from '../network/network-options.ts';
import type { PoolOptions } from '../pool/warm-pool.ts';
import { checkSubscriber, type SandboxSubscriber } from '../sandbox-map/sandbox-subscriber.ts';
import { maxReplayBytes } from '../spec/exec-options.ts';
import { checkAbsolutePath, checkInteger, checkKeys, checkText } from '../spec/fields.ts';
import { invalid } from '../spec/invalid.ts';
import type { Logger } from '../types.ts';
import type { OpenOptions } from './open-context.ts';

/** What `Runtime.open` takes. */
export interface RuntimeOptions {
  /** Live state, worthless after a reboot. Default /run/hatchery. */
  runDirectory?: string;
  /**
   * Name of a set of sandboxes that only one process owns at a time, and that the next one to open it adopts. Default: a
   * private one, swept when its owner is dead.
   */
  instance?: string;
  /** What outlives a reboot. Default /var/lib/hatchery. */
  dataDirectory?: string;
  /** pino's shape. Default: nothing is logged. */
  logger?: Logger;
  /** The application's threads for what blocks; they stay its own. Default: a few of the runtime's. */
  workers?: BlockingPool;
  /** `manual`: exits and events take effect when the application calls `runtime.drain()`. Default `auto`: by themselves. */
  drain?: 'auto' | 'manual';
  /** How many of the last bytes of each stream of an execution are kept for `attach`. Default 1 MiB. */
  replayBytes?: number;
  /** What all executions together keep so; beyond it the stream that was written to longest ago loses it. Default 64 MiB. */
  replayTotalBytes?: number;
  /** Milliseconds for which `sandbox.execution(id)` finds an execution that has ended. Default 60,000. */
  exitRetentionMs?: number;
  /**
   * Milliseconds that a sandbox lives without its runtime's process. Default 600,000 in a named instance; in a private
   * one, which nobody comes back to, 1000: time to mend a broken connection.
   */
  orphanMs?: number;
  /**
   * A public key (PEM, or its base64 text) whose shim is executed, for those who build their own. Default: the key of the
   * checkout that this was built in. A release refuses it: its shim is signed by a key in its source.
   */
  developmentKey?: string;
  /** Milliseconds between two runs of the collector, which removes debris. Default 60,000. */
  gcIntervalMs?: number;
  /** Milliseconds that processes without a record are watched before the collector ends them. Default 60,000. */
  quarantineMs?: number;
  /** Those that hear of every lifecycle from the first on, adopted ones included; see `runtime.subscribe()`. */
  subscribers?: SandboxSubscriber[];
  /** Milliseconds that one call of a subscriber may take before it is reported by name. Default 5. */
  subscriberBudgetMs?: number;
  /**
   * Milliseconds that the event loop may be late before who held it up is logged (a warning every ten seconds at most);
   * null: nothing is logged. Default: 50, and null where NODE_ENV is `production`.
   */
  loopBudgetMs?: number | null;
  /** For sandboxes with a network slot. Default: `{}`. */
  network?: RuntimeNetworkOptions;
  /**
   * Sandboxes are made ahead and parked, for creates that leave the id open and have their root in memory: between `floor`
   * and `ceiling` as many as were asked for in the last ten minutes. false: none. Default: `{}` in a named instance, false
   * in a private one.
   */
  pool?:
    | {
        /** At least so many of what was asked for last; before the first create: of a spec with nothing in it. Default 0. */
        floor?: number;
        /** At most so many, 0.6 MB each. Default 16. */
        ceiling?: number;
      }
    | false;
}

const optionNames =
  'runDirectory instance dataDirectory logger workers drain replayBytes replayTotalBytes exitRetentionMs orphanMs developmentKey gcIntervalMs quarantineMs subscribers subscriberBudgetMs loopBudgetMs network pool'.split(
    ' ',
  );
const defaultLoopBudgetMs = 50;
const defaultPoolCeiling = 16;
/** Each has a range of ids, of which a machine has 4096. */
const maxPoolCeiling = 1024;
const maxDelayMs = 2_147_483_647;

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export function compileOpenOptions(options: RuntimeOptions): OpenOptions {
  checkKeys('options', options, optionNames);
  if (options.workers !== undefined && !(options.workers instanceof BlockingPool))
    throw invalid('workers', options.workers, 'a BlockingPool of @hatchery/blocking-io');
  const drain: unknown = options.drain ?? 'auto';
  if (drain !== 'auto' && drain !== 'manual') throw invalid('drain', drain, "'auto' or 'manual'");
  return {
    runDirectory: checkDirectory('runDirectory', options.runDirectory ?? '/run/hatchery'),
    instance: options.instance ?? null,
    dataDirectory: checkDirectory('dataDirectory', options.dataDirectory ?? '/var/lib/hatchery'),
    logger: options.logger ?? silent,
    workers: options.workers ?? null,
    drain,
    replayBytes: checkInteger('replayBytes', options.replayBytes ?? 2 ** 20, 0, maxReplayBytes),
    replayTotalBytes: checkInteger('replayTotalBytes', options.replayTotalBytes ?? 2 ** 26, 0, Number.MAX_SAFE_INTEGER),
    exitRetentionMs: checkInteger('exitRetentionMs', options.exitRetentionMs ?? 60_000, 0, maxDelayMs),
    orphanMs: checkInteger(
      'orphanMs',
      options.orphanMs ?? (options.instance === undefined ? 1000 : 600_000),
      1,
      maxDelayMs,
    ),
    developmentKey:
      options.developmentKey === undefined ? null : checkText('developmentKey', options.developmentKey, 4096),
    gcIntervalMs: checkInteger('gcIntervalMs', options.gcIntervalMs ?? 60_000, 1, maxDelayMs),
    quarantineMs: checkInteger('quarantineMs', options.quarantineMs ?? 60_000, 0, Number.MAX_SAFE_INTEGER),
    subscribers: checkSubscribers(options.subscribers ?? []),
    subscriberBudgetMs: checkInteger('subscriberBudgetMs', options.subscriberBudgetMs ?? 5, 1, maxDelayMs),
    loopBudgetMs: checkLoopBudget(options.loopBudgetMs),
    network: compileNetworkOptions(options.network),
    pool: compilePool(options.pool ?? (options.instance === undefined ? false : {})),
  };
}

function compilePool(pool: unknown): PoolOptions | null {
  if (pool === false) return null;
  if (typeof pool !== 'object' || pool === null) throw invalid('pool', pool, 'false, or an object');
  checkKeys('pool', pool, ['floor', 'ceiling']);
  const { floor = 0, ceiling = defaultPoolCeiling } = pool as { floor?: unknown; ceiling?: unknown };
  const most = checkInteger('pool.ceiling', ceiling, 1, maxPoolCeiling);
  return { floor: checkInteger('pool.floor', floor, 0, most), ceiling: most };
}

function checkLoopBudget(value: number | null | undefined): number | null {
  const budget =
    value === undefined && process.env['NODE_ENV'] !== 'production' ? defaultLoopBudgetMs : (value ?? null);
  return budget === null ? null : checkInteger('loopBudgetMs', budget, 1, maxDelayMs);
}

function checkSubscribers(value: unknown): SandboxSubscriber[] {
  if (!Array.isArray(value)) throw invalid('subscribers', value, 'an array');
  return value.map((subscriber) => checkSubscriber('subscribers', subscriber));
}

/** Records name paths below it, one a line. */
function checkDirectory(option: string, value: string): string {
  const path = checkAbsolutePath(option, value);
  if (/[\r\n]/.test(path)) throw invalid(option, value, 'a path without line breaks');
  return path;
}
