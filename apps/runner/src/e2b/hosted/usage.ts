import type { Sandbox } from '@hatchery/runtime';
import type { HostedSandbox } from './hosted-sandbox.ts';
import { UsageHistory, type UsageSample } from './usage-history.ts';

/** Milliseconds between two samples of a sandbox that runs. */
export const usageCadenceMs = 5000;

/** Processor time at a moment. */
interface Reading {
  readonly at: number;
  readonly cpuMs: number | undefined;
  readonly lifecycleId: string;
}

/** What the sandboxes use: the last hour of each, and now. */
export class Usage {
  readonly #histories = new WeakMap<Sandbox, UsageHistory>();
  readonly #readings = new WeakMap<Sandbox, Reading>();

  /** Takes a sample now. Throws ERR_SANDBOX_STATE when it has no processes. */
  async sample({ sandbox }: HostedSandbox): Promise<UsageSample> {
    const { cpuMs, memoryBytes, cacheBytes, rootUsedBytes, rootBytes } = await sandbox.stats();
    const reading: Reading = { at: Date.now(), cpuMs, lifecycleId: sandbox.lifecycleId };
    const sample: UsageSample = {
      at: reading.at,
      cpuUsedPct: this.#share(sandbox, reading),
      memUsed: memoryBytes === undefined ? undefined : Math.max(0, memoryBytes - (cacheBytes ?? 0)),
      memCache: cacheBytes,
      diskUsed: rootUsedBytes,
      diskTotal: rootBytes,
    };
    this.#readings.set(sandbox, reading);
    this.historyOf(sandbox).add(sample);
    return sample;
  }

  /** One that is no older than the cadence. Throws as `sample()`. */
  async newest(hosted: HostedSandbox): Promise<UsageSample> {
    const { newest } = this.historyOf(hosted.sandbox);
    return newest !== null && newest.at > Date.now() - usageCadenceMs ? newest : await this.sample(hosted);
  }

  historyOf(sandbox: Sandbox): UsageHistory {
    const known = this.#histories.get(sandbox);
    if (known !== undefined) return known;
    const history = new UsageHistory();
    this.#histories.set(sandbox, history);
    return history;
  }

  /** Since the last reading of this run of it; of the first, since it was made or started. */
  #share(sandbox: Sandbox, { at, cpuMs, lifecycleId }: Reading): number | undefined {
    if (cpuMs === undefined) return undefined;
    const last = this.#readings.get(sandbox);
    const isSameRun = last?.lifecycleId === lifecycleId;
    const since = isSameRun ? last.at : sandbox.stateSince.getTime();
    const used = cpuMs - ((isSameRun ? last.cpuMs : undefined) ?? 0);
    const wall = Math.max(1, at - since) * sandbox.spec.limits.cpus;
    return Math.round(Math.min(100, Math.max(0, (used / wall) * 100)) * 100) / 100;
  }
}
