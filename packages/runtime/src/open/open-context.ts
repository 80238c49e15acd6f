import { BlockingPool } from '@hatchery/blocking-io';
import { CgroupBase, CgroupError } from '@hatchery/cgroup';
import { RuntimeContext } from '../context.ts';
import { HatcheryError } from '../errors.ts';
import { openInstance } from '../instance/instance.ts';
import type { CompiledNetworkOptions } from '../network/network-options.ts';
import type { PoolOptions } from '../pool/warm-pool.ts';
import type { SandboxSubscriber } from '../sandbox-map/sandbox-subscriber.ts';
import type { Logger } from '../types.ts';
import { missingCapabilities } from './capabilities.ts';
import { installTrustedShim } from './trusted-shim.ts';
import { ZygoteKeeper } from './zygote-keeper.ts';

export interface OpenOptions {
  readonly runDirectory: string;
  readonly instance: string | null;
  readonly dataDirectory: string;
  readonly logger: Logger;
  readonly drain: 'auto' | 'manual';
  readonly replayBytes: number;
  readonly replayTotalBytes: number;
  readonly exitRetentionMs: number;
  readonly orphanMs: number;
  readonly developmentKey: string | null;
  readonly gcIntervalMs: number;
  readonly quarantineMs: number;
  readonly subscribers: readonly SandboxSubscriber[];
  readonly subscriberBudgetMs: number;
  readonly loopBudgetMs: number | null;
  readonly network: CompiledNetworkOptions;
  /** null: nothing is made ahead. */
  readonly pool: PoolOptions | null;
  /** null: one of the runtime's own. */
  readonly workers: BlockingPool | null;
}

function requireHost(): void {
  const trouble = troubleOfHost();
  if (trouble !== null)
    throw new HatcheryError('ERR_HOST_UNSUPPORTED', `Runtime.open(): ${trouble}`, { step: 'check the host' });
}

function troubleOfHost(): string | null {
  if (process.platform !== 'linux') return `this is ${process.platform}; sandboxes need Linux`;
  if (process.geteuid?.() !== 0) return `it runs as user ${process.geteuid?.()}; run it as root`;
  const lacks = missingCapabilities();
  if (lacks.length === 0) return null;
  return `this process lacks ${lacks.join(', ')}; grant that (systemd: CapabilityBoundingSet=, a container: a privileged one); see \`hatchery doctor\``;
}

function openCgroups(path: string, logger: Logger): CgroupBase {
  try {
    return CgroupBase.open({
      path,
      logger: { warn: (context: object, message: string) => logger.warn(context, message) },
    });
  } catch (cause) {
    if (!(cause instanceof CgroupError)) throw cause;
    throw new HatcheryError(
      'ERR_HOST_UNSUPPORTED',
      `Runtime.open(): cgroups: ${cause.message}; see \`hatchery doctor\``,
      { step: cause.step, cause },
    );
  }
}

/** Cgroups that an earlier owner left keep the base; the first error is the one to tell. */
function giveBack(cgroups: CgroupBase | null, logger: Logger): void {
  try {
    cgroups?.remove();
  } catch (error) {
    logger.warn({ err: error }, 'cgroups are left for the next sweep');
  } finally {
    cgroups?.close();
  }
}

/** Shim, lock, workers, cgroups, zygote, in that order; what was taken is given back when a later one fails. */
export async function openContext(options: OpenOptions): Promise<RuntimeContext> {
  requireHost();
  const shim = await installTrustedShim(options);
  const instance = openInstance({ runDirectory: options.runDirectory, name: options.instance });
  let cgroups: CgroupBase | null = null;
  let zygotes: ZygoteKeeper | null = null;
  let workers: BlockingPool | null = null;
  try {
    workers = options.workers ?? (await BlockingPool.open({ logger: options.logger }));
    cgroups = openCgroups(instance.cgroupBase, options.logger);
    zygotes = new ZygoteKeeper(shim, cgroups, options.logger);
    await zygotes.get();
    return new RuntimeContext({ instance, cgroups, zygotes, workers, options });
  } catch (error) {
    await zygotes?.close();
    giveBack(cgroups, options.logger);
    if (options.workers === null) await workers?.close();
    instance.close();
    if (error instanceof HatcheryError) throw error;
    const happened = error instanceof Error ? error.message : String(error);
    throw new HatcheryError(
      'ERR_HOST_UNSUPPORTED',
      `Runtime.open(): the zygote could not be started: ${happened}; see \`hatchery doctor\``,
      { step: 'start the zygote', cause: error },
    );
  }
}
