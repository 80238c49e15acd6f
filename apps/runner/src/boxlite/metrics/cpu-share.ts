import type { Box } from '../boxes/box.ts';

interface Reading {
  readonly lifecycleId: string;
  readonly cpuMs: number;
  readonly at: number;
}

/** Of how much a box's processors were in use, in percent of one: since the reading before, the first time since the box runs. */
export class CpuShare {
  readonly #last = new WeakMap<Box, Reading>();

  /** undefined: the host does not count it, or it runs no longer than a moment. */
  read(box: Box, cpuMs: number | undefined): number | undefined {
    const { sandbox } = box;
    if (cpuMs === undefined) return undefined;
    const { lifecycleId } = sandbox;
    const before = this.#last.get(box);
    const since = before?.lifecycleId === lifecycleId ? before : { cpuMs: 0, at: sandbox.stateSince.getTime() };
    const at = Date.now();
    this.#last.set(box, { lifecycleId, cpuMs, at });
    const ms = at - since.at;
    return ms > 0 ? Math.max(0, ((cpuMs - since.cpuMs) / ms) * 100) : undefined;
  }
}
