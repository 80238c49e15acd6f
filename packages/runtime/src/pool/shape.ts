import { statSync } from 'node:fs';
import type { Image } from '../image/image.ts';
import type { CompiledSpec } from '../spec/sandbox-spec.ts';

/** All of a sandbox that *make* fixes; the rest of a spec comes with *start*. Any two of one key can stand in for each other. */
export interface Shape {
  readonly key: string;
  /** As specs name it, and that it is for a network: another image may stand for that. */
  readonly imageName: string;
  /** Which image it is that has this name now. */
  readonly imageKey: string;
  readonly image: Image;
  /** A spec of this shape, without what is only of the sandbox that was asked for: secrets and deadlines among it. */
  readonly spec: CompiledSpec;
}

/**
 * null: such a sandbox is never parked. A root on disk is its own sandbox's from its first byte on.
 * Throws what stat(2) does when a layer is not there.
 */
export function shapeOf(spec: CompiledSpec, image: Image): Shape | null {
  if (spec.root !== 'memory') return null;
  const { rootBytes, rootInodes, shmBytes } = spec.limits;
  // A path may lead to another directory by the time somebody asks for it.
  const layers = image.layers.map(({ target, source }) => {
    const { dev, ino } = statSync(source, { bigint: true });
    return [target, source, `${dev}:${ino}`];
  });
  const imageKey = JSON.stringify([image.key, layers]);
  // A slot is bound at *make*; what it reaches comes with the take-over.
  const hasSlot = spec.network !== null;
  const key = JSON.stringify([imageKey, rootBytes, rootInodes, shmBytes, hasSlot]);
  const imageName = hasSlot ? `${spec.image} (with a network)` : spec.image;
  return { key, imageName, imageKey, image, spec: ofNobody(spec) };
}

/** Of what is only the sandbox's that was asked for, nothing may be in the record of a parked one, which can outlive it. */
function ofNobody(spec: CompiledSpec): CompiledSpec {
  return {
    ...spec,
    env: {},
    user: 'root',
    cwd: null,
    metadata: {},
    volumes: [],
    network: spec.network === null ? null : { allow: [], deny: [] },
    timeoutMs: null,
    onTimeout: 'destroy',
  };
}
