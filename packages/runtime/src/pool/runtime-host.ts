import type { RuntimeContext } from '../context.ts';
import { monotonicMs } from '../monotonic.ts';
import { compileSandboxSpec } from '../spec/sandbox-spec.ts';
import { discard, park } from './parked-sandbox.ts';
import { shapeOf } from './shape.ts';
import type { PoolHost } from './warm-pool.ts';

/** An open runtime, as its pool needs it. */
export function poolHost(context: RuntimeContext): PoolHost {
  return {
    park: (shape, onParked) => park(context, shape, onParked),
    discard: (parked) => context.locks.run(parked.id, () => discard(context, parked)),
    watch: ({ init }, onDead) => init.connector.attach({ onExit: () => {}, onConnectionClosed: onDead }),
    nowMs: monotonicMs,
    logger: context.logger,
  };
}

/** Before the first create the floor is kept of a spec with nothing in it. */
export async function expectFirst(context: RuntimeContext): Promise<void> {
  const { pool, images, options, logger } = context;
  if (pool === null || options.pool?.floor === 0) return;
  try {
    const spec = compileSandboxSpec(undefined);
    const shape = shapeOf(spec, await images.resolve(spec));
    if (shape !== null) pool.expect(shape);
  } catch (err) {
    logger.warn({ err }, 'nothing is made ahead before the first create');
  }
}
