import { ChannelClosedError, type InitConnection } from '@hatchery/zygote-ipc';
import type { RuntimeContext } from '../context.ts';
import { throwIfAborted } from '../errors.ts';
import { discard, type ParkedSandbox } from '../pool/parked-sandbox.ts';
import type { CompiledSpec } from '../spec/sandbox-spec.ts';
import { newRecord } from './intent.ts';
import { type MadeLifecycle, undoCreate } from './make-lifecycle.ts';
import { startInit } from './start-init.ts';
import { StepFailure, StepList } from './step-list.ts';

/** A living init answers at once, and one that hangs is not dead. */
const answerMs = 1000;

/**
 * Makes a parked sandbox the one that `spec` asks for, whose id is the parked one's and whose volumes are resolved. The record says so in one write, before
 * init is started: until then it is swept as a parked one, from then on it is that sandbox. Rejects with the StepFailure of
 * the step, once nothing is left of it. Under the lock of its id.
 */
export async function takeOver(
  context: RuntimeContext,
  spec: CompiledSpec,
  { parked, signal }: { parked: ParkedSandbox; signal: AbortSignal | undefined },
): Promise<MadeLifecycle> {
  const { init, record: parkedRecord, workFd } = parked;
  const steps = new StepList(() => {
    throwIfAborted(signal, 'runtime.create()');
    context.requireOpen('runtime.create()');
  });
  steps.before('park', () => discardTaken(context, parked));
  try {
    const fresh = newRecord(context, spec, { lease: init.lease, slot: init.intent.slot }, { state: 'intent' });
    const record = { ...fresh, state: 'running', init: parkedRecord.init, createdFrom: 'pool' } as const;
    const { volumes } = spec;
    return await startInit(context, steps, init, { record, volumes, workFd, ending: undefined });
  } catch (error) {
    const hasDied = await isOfDeadInit(error, init.connector.connection);
    await undoCreate(context, steps, spec.id);
    throw hasDied ? new ParkedDeadError(error) : error;
  }
}

async function discardTaken(context: RuntimeContext, parked: ParkedSandbox): Promise<void> {
  try {
    await discard(context, parked);
  } catch (error) {
    context.pool?.keepLeftover(parked);
    throw error;
  }
}

/** It died between being taken and being started: that is nothing about what was asked for. */
export class ParkedDeadError extends Error {
  override name = 'ParkedDeadError';

  constructor(cause: unknown) {
    super('the parked sandbox died as it was taken', { cause });
  }
}

/** The volumes are opened for a process, whose end is an error of the kernel's there and not of the connection. */
async function isOfDeadInit(failure: unknown, connection: InitConnection): Promise<boolean> {
  if (!(failure instanceof StepFailure)) return false;
  if (failure.cause instanceof ChannelClosedError) return true;
  if (failure.step !== 'open the volumes') return false;
  const answer = await connection.ping({ timeoutMs: answerMs }).catch((reason: unknown) => reason);
  return answer instanceof ChannelClosedError;
}

/** The same with another id, and the hostname that comes with it. */
export function withId(spec: CompiledSpec, id: string): CompiledSpec {
  return { ...spec, id, hostname: spec.hostname === spec.id ? id : spec.hostname };
}
