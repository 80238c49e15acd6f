import { ChannelClosedError } from '@hatchery/zygote-ipc';
import type { RuntimeContext } from '../context.ts';
import { throwIfAborted } from '../errors.ts';
import { discard, type ParkedSandbox } from '../pool/parked-sandbox.ts';
import type { CompiledSpec } from '../spec/sandbox-spec.ts';
import { newRecord } from './intent.ts';
import { type MadeLifecycle, undoCreate } from './make-lifecycle.ts';
import { startInit } from './start-init.ts';
import { StepFailure, StepList } from './step-list.ts';
import { resolveVolumes } from './volumes.ts';

/**
 * Makes a parked sandbox the one that `given` asks for, whose id is the parked one's. The record says so in one write, before
 * init is started: until then it is swept as a parked one, from then on it is that sandbox. Rejects with the StepFailure of
 * the step, once nothing is left of it. Under the lock of its id.
 */
export async function takeOver(
  context: RuntimeContext,
  given: CompiledSpec,
  { parked, signal }: { parked: ParkedSandbox; signal: AbortSignal | undefined },
): Promise<MadeLifecycle> {
  const { init, record: parkedRecord, workFd } = parked;
  const steps = new StepList(() => {
    throwIfAborted(signal, 'runtime.create()');
    context.requireOpen('runtime.create()');
  });
  steps.before('park', () => discard(context, parked));
  try {
    const volumes = await resolveVolumes(context, steps, given.volumes, true);
    const spec = { ...given, volumes };
    const fresh = newRecord(context, spec, init.lease, { state: 'intent' });
    const record = { ...fresh, state: 'running', init: parkedRecord.init, createdFrom: 'pool' } as const;
    return await startInit(context, steps, init, { record, volumes, workFd, ending: undefined });
  } catch (error) {
    await undoCreate(context, steps, given.id);
    throw error;
  }
}

/** It died between being taken and being started: that is nothing about what was asked for. */
export function isParkedDead(error: unknown): boolean {
  return error instanceof StepFailure && error.cause instanceof ChannelClosedError;
}

/** The same with another id, and the hostname that comes with it. */
export function withId(spec: CompiledSpec, id: string): CompiledSpec {
  return { ...spec, id, hostname: spec.hostname === spec.id ? id : spec.hostname };
}
