import { maxReplayBytes } from '../spec/exec-options.ts';
import { checkAbsolutePath, checkInteger, checkKeys } from '../spec/fields.ts';
import { invalid, notSupported } from '../spec/invalid.ts';
import type { Logger } from '../types.ts';
import type { OpenOptions } from './open-context.ts';

/** What `Runtime.open` takes. */
export interface RuntimeOptions {
  /** Live state, worthless after a reboot. Default /run/hatchery. */
  runDirectory?: string;
  /**
   * Name of a set of sandboxes that only one process owns at a time. Default: a private one, swept when its owner is
   * dead. In this version the sandboxes of a named one end with their owner, too.
   */
  instance?: string;
  /** What outlives a reboot. Default /var/lib/hatchery. */
  dataDirectory?: string;
  /** pino's shape. Default: nothing is logged. */
  logger?: Logger;
  /** Not in this version: refused with ERR_NOT_SUPPORTED. */
  workers?: object;
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
}

const optionNames =
  'runDirectory instance dataDirectory logger workers drain replayBytes replayTotalBytes exitRetentionMs orphanMs'.split(
    ' ',
  );
const maxDelayMs = 2_147_483_647;

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export function compileOpenOptions(options: RuntimeOptions): OpenOptions {
  checkKeys('options', options, optionNames);
  if (options.workers !== undefined) throw notSupported('workers', options.workers, 'leave it out');
  const drain: unknown = options.drain ?? 'auto';
  if (drain !== 'auto' && drain !== 'manual') throw invalid('drain', drain, "'auto' or 'manual'");
  return {
    runDirectory: checkAbsolutePath('runDirectory', options.runDirectory ?? '/run/hatchery'),
    instance: options.instance ?? null,
    dataDirectory: checkAbsolutePath('dataDirectory', options.dataDirectory ?? '/var/lib/hatchery'),
    logger: options.logger ?? silent,
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
  };
}
