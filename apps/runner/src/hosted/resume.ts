import { HatcheryError, type Sandbox } from '@hatchery/runtime';

/**
 * Running, whatever it was: thawed if it is frozen, started if it is stopped. A change that is under way is waited for. Any
 * number of callers at once: the runtime does one change of a sandbox at a time, and who comes second finds it running.
 */
export async function resume(sandbox: Sandbox): Promise<void> {
  // A pause may end between our look and our turn, and a start as well: what is wanted is looked at again, not for ever.
  for (let attempt = 1; sandbox.state !== 'running'; attempt++) {
    try {
      await advance(sandbox);
    } catch (error) {
      const isState = error instanceof HatcheryError && error.code === 'ERR_SANDBOX_STATE';
      if (!isState || attempt === maxAttempts || isEnding(sandbox)) throw error;
    }
  }
}

const maxAttempts = 5;

/** One change on the way, after the one that is under way. */
async function advance(sandbox: Sandbox): Promise<void> {
  // A stop that has failed is done again; of one that has not nothing is left to do.
  if (sandbox.state === 'stopping') await sandbox.stop();
  else await (isStored(sandbox) ? sandbox.start() : sandbox.resume());
}

/** There is nothing of it but its files. */
export function isStored({ state }: Sandbox): boolean {
  return ['stopping', 'stopped', 'starting', 'failed'].includes(state);
}

/** Its end has begun: it may still be there for a moment. */
export function isEnding({ state }: Sandbox): boolean {
  return state === 'destroying' || state === 'destroyed';
}
