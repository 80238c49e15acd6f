import { bootId } from '@hatchery/linux';
import { wireVersion } from '@hatchery/zygote-ipc';
import type { RuntimeContext } from '../context.ts';
import { lowestId } from '../instance/uid-ranges.ts';
import type { ParkedSandbox } from '../pool/parked-sandbox.ts';
import { shapeOf } from '../pool/shape.ts';
import type { CompiledSpec } from '../spec/sandbox-spec.ts';
import type { CreatedFrom } from '../types.ts';
import { createError } from './create-error.ts';
import { type MadeLifecycle, makeLifecycle } from './make-lifecycle.ts';
import { LiveSandbox } from './sandbox.ts';
import { StepFailure, StepList } from './step-list.ts';
import { ParkedDeadError, takeOver, withId } from './take-over.ts';
import { resolveVolumes } from './volumes.ts';

/** Steps whose failure is about the call, not about a sandbox: there never was one. */
const before: ReadonlySet<string> = new Set(['resolve the volumes', 'resolve the image', 'claim the id']);

/** Those that failed stay listed until they are destroyed; of very many the last ones. */
const maxFailed = 100;

/**
 * Creates a sandbox, under the lock of its id: from a parked one where one fits, otherwise on demand. Rejects with
 * HatcheryError naming the step; what was made is undone.
 * @param options.isIdFree nobody has chosen the id of the spec, so it may be another
 */
export async function createSandbox(
  context: RuntimeContext,
  spec: CompiledSpec,
  { signal, isIdFree }: { signal: AbortSignal | undefined; isIdFree: boolean },
): Promise<LiveSandbox> {
  const taken = isIdFree ? await takeParked(context, spec) : null;
  const made = taken === null ? null : await createFrom(context, taken, signal);
  return made ?? (await context.locks.run(spec.id, () => create(context, spec, signal)));
}

interface Taken {
  readonly parked: ParkedSandbox;
  readonly spec: CompiledSpec;
}

/** An image or a volume that cannot be found costs no parked one: the create on demand tells it. */
async function takeParked(context: RuntimeContext, given: CompiledSpec): Promise<Taken | null> {
  if (context.pool === null) return null;
  try {
    const volumes = await resolveVolumes(context, new StepList(() => {}), given.volumes, true);
    const shape = shapeOf(given, await context.images.resolve(given));
    const parked = shape === null ? null : context.pool.take(shape);
    return parked === null ? null : { parked, spec: withId({ ...given, volumes }, parked.id) };
  } catch {
    return null;
  }
}

/** null: it is dead, and removed. */
function createFrom(
  context: RuntimeContext,
  { parked, spec }: Taken,
  signal: AbortSignal | undefined,
): Promise<LiveSandbox | null> {
  return context.locks.run(parked.id, async () => {
    try {
      return goLive(context, await takeOver(context, spec, { parked, signal }));
    } catch (cause) {
      if (!(cause instanceof ParkedDeadError)) throw notCreated(context, spec, cause, 'pool');
      context.logger.warn({ err: cause, sandboxId: parked.id }, 'another sandbox is made');
      return null;
    }
  });
}

async function create(
  context: RuntimeContext,
  spec: CompiledSpec,
  signal: AbortSignal | undefined,
): Promise<LiveSandbox> {
  // Nothing is left of it but its name.
  const namesake = context.sandboxes.get(spec.id);
  if (namesake?.isEmpty === true) context.sandboxes.delete(namesake);
  try {
    return goLive(context, await makeLifecycle(context, spec, { before: null, signal }));
  } catch (cause) {
    throw notCreated(context, spec, cause, 'demand');
  }
}

function goLive(context: RuntimeContext, { parts, attach }: MadeLifecycle): LiveSandbox {
  const sandbox = new LiveSandbox(context, { record: parts.record, state: 'running', parts });
  if (sandbox.lifecycle !== null) attach(sandbox.lifecycle);
  sandbox.goLive();
  context.tell('created', sandbox);
  return sandbox;
}

/** What its caller is told; where a step of making it failed, it is listed. */
function notCreated(context: RuntimeContext, spec: CompiledSpec, cause: unknown, createdFrom: CreatedFrom): Error {
  const error = createError(spec.id, cause);
  if (cause instanceof StepFailure && !before.has(cause.step)) listFailed(context, spec, error.message, createdFrom);
  return error;
}

function listFailed(context: RuntimeContext, spec: CompiledSpec, reason: string, createdFrom: CreatedFrom): void {
  const failed = [...context.sandboxes.values()].filter(({ isEmpty }) => isEmpty);
  for (const old of failed.slice(0, Math.max(0, failed.length - maxFailed + 1))) context.sandboxes.delete(old);
  const record = {
    version: 2,
    id: spec.id,
    lifecycleId: '',
    bootId: bootId(),
    token: '',
    firstId: lowestId,
    wireVersion,
    cgroups: [],
    range: null,
    root: null,
    state: 'intent',
    init: null,
    createdAt: new Date().toISOString(),
    createdFrom,
    slot: null,
    deadline: null,
    spec,
  } as const;
  const sandbox = new LiveSandbox(context, { record, state: 'failed', parts: null, reason });
  context.tell('failed', sandbox, reason);
}
