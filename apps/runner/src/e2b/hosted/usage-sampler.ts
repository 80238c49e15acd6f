import { setImmediate } from 'node:timers/promises';
import { HatcheryError, type Logger } from '@hatchery/runtime';
import type { HostedSandboxes } from './hosted-sandboxes.ts';
import { usageCadenceMs } from './usage.ts';

/** Takes a sample of each sandbox that runs, at the cadence, until `closing` fires. */
export function sampleUsage(
  hosted: HostedSandboxes,
  { logger, closing }: { logger: Logger; closing: AbortSignal },
): void {
  let isBusy = false;
  const timer = setInterval(() => {
    // A round of very many takes longer than the cadence: the next one waits for the one after it.
    if (isBusy) return;
    isBusy = true;
    void sampleAll(hosted, logger).finally(() => {
      isBusy = false;
    });
  }, usageCadenceMs);
  timer.unref();
  closing.addEventListener('abort', () => clearInterval(timer), { once: true });
}

async function sampleAll(hosted: HostedSandboxes, logger: Logger): Promise<void> {
  for (const one of hosted.list()) {
    if (one.sandbox.state !== 'running') continue;
    try {
      await hosted.usage.sample(one);
    } catch (error) {
      // It has ended meanwhile.
      if (error instanceof HatcheryError && ['ERR_SANDBOX_STATE', 'ERR_RUNTIME_CLOSED'].includes(error.code)) continue;
      logger.warn({ err: error, sandboxId: one.id }, 'what a sandbox uses could not be read');
    }
    // Each is a dozen reads of files: requests come between.
    await setImmediate();
  }
}
