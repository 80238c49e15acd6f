import { hasSlotIn, ledgerOf } from '../census/ledger.ts';
import { censusScope } from '../census/scope.ts';
import type { RuntimeContext } from '../context.ts';
import { HatcheryError } from '../errors.ts';
import { readRecord } from '../instance/record.ts';
import type { CollectorHost } from './collector-host.ts';
import { teardownDebris } from './teardown-debris.ts';

/** An open runtime, as its collector needs it. */
export function collectorHost(context: RuntimeContext): CollectorHost {
  const { instance, disks, locks, logger, options, sandboxes } = context;
  return {
    scope: () => censusScope({ instance, dataDirectory: options.dataDirectory }),
    requireLock: () => requireLock(context),
    ledger: ledgerOf(context),
    records: { inRunDirectory: (id) => readRecord(instance.directory, id), onDisk: (id) => disks.read(id) },
    locks,
    verifyNetwork: () => context.slots.verify(),
    sweepNetwork: async () => {
      const released = await context.slots.releaseForgotten(hasSlotIn(context));
      await context.slots.sweep();
      return released;
    },
    teardownDebris: (id) => teardownDebris(context, id),
    unfinished: () => unfinished(context),
    finish: async (id) => {
      const sandbox = sandboxes.get(id);
      await (sandbox?.state === 'stopping' ? sandbox.stop() : sandbox?.end('destroyed'));
    },
    logger,
  };
}

function* unfinished({ sandboxes, locks }: RuntimeContext): Generator<string> {
  for (const { id, state } of sandboxes.values())
    if ((state === 'destroying' || state === 'stopping') && !locks.isLocked(id)) yield id;
}

function requireLock({ instance }: RuntimeContext): void {
  if (instance.isOurs()) return;
  const text = `runtime.gc(): the lock in ${instance.directory} is not the one that this runtime took; somebody removed it: nothing is cleared away. Close this runtime and open it again`;
  throw new HatcheryError('ERR_INSTANCE_LOCKED', text, { step: 'check the lock' });
}
