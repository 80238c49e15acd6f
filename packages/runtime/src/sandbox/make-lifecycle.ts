import type { RuntimeContext } from '../context.ts';
import { throwIfAborted } from '../errors.ts';
import type { SandboxRecord } from '../instance/record.ts';
import type { CompiledSpec } from '../spec/sandbox-spec.ts';
import { initOf } from './intent.ts';
import type { Lifecycle, LifecycleParts } from './lifecycle.ts';
import { makeInit } from './make-init.ts';
import { startInit } from './start-init.ts';
import { StepList } from './step-list.ts';
import { resolveVolumes } from './volumes.ts';

export interface MakeOptions {
  /** The record of a stopped sandbox, whose id and root on disk there are already; null: it is created. */
  readonly before: SandboxRecord | null;
  readonly signal: AbortSignal | undefined;
  /** A destroy has begun, which waits for nobody. */
  readonly ending?: AbortSignal;
}

/** A lifecycle that takes commands; `attach` connects it to the one who owns it from now on. */
export interface MadeLifecycle {
  readonly parts: LifecycleParts;
  readonly attach: (lifecycle: Lifecycle) => void;
}

/** Takes back what the steps left; what cannot be is told. */
export async function undoCreate({ logger }: RuntimeContext, steps: StepList, sandboxId: string): Promise<void> {
  for (const failure of await steps.undo())
    logger.error({ err: failure, sandboxId }, 'a failed create could not be undone');
}

/**
 * Starts a sandbox, in the order of `makeInit` and `startInit`; each step leaves behind what undoes it, and a failure undoes
 * them in reverse. Rejects with the StepFailure of the step, after the undo.
 */
export async function makeLifecycle(
  context: RuntimeContext,
  given: CompiledSpec,
  { before, signal, ending }: MakeOptions,
): Promise<MadeLifecycle> {
  const isNew = before === null;
  const steps = new StepList(() => {
    ending?.throwIfAborted();
    throwIfAborted(signal, isNew ? 'runtime.create()' : 'sandbox.start()');
    context.requireOpen(isNew ? 'runtime.create()' : 'sandbox.start()');
  });
  try {
    const volumes = await resolveVolumes(context, steps, given.volumes, isNew);
    const spec = { ...given, volumes };
    const image = await steps.run('resolve the image', () => context.images.resolve(spec));
    const intended = isNew ? ({ state: 'intent' } as const) : ({ state: 'restart', before } as const);
    const init = await makeInit(context, steps, { spec, image, intended });
    const record = { ...init.intent, state: 'running', init: initOf(init.made.pid) } as const;
    return await startInit(context, steps, init, { record, volumes, workFd: null, ending });
  } catch (error) {
    await undoCreate(context, steps, given.id);
    throw error;
  }
}
