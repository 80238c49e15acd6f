import { checkAbsolutePath, checkKeys } from '../spec/fields.ts';
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
  /** Only `auto` in this version. */
  drain?: 'auto' | 'manual';
}

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export function compileOpenOptions(options: RuntimeOptions): OpenOptions {
  checkKeys('options', options, ['runDirectory', 'instance', 'dataDirectory', 'logger', 'workers', 'drain']);
  if (options.workers !== undefined) throw notSupported('workers', options.workers, 'leave it out');
  if (options.drain === 'manual') throw notSupported('drain', options.drain, 'leave it out');
  if (options.drain !== undefined && options.drain !== 'auto') throw invalid('drain', options.drain, "'auto'");
  return {
    runDirectory: checkAbsolutePath('runDirectory', options.runDirectory ?? '/run/hatchery'),
    instance: options.instance ?? null,
    dataDirectory: checkAbsolutePath('dataDirectory', options.dataDirectory ?? '/var/lib/hatchery'),
    logger: options.logger ?? silent,
  };
}
