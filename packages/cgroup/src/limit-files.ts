import type { CgroupDirectory } from './cgroup-directory.ts';
import { CgroupError } from './cgroup-error.ts';
import { type Controller, controllers } from './controller.ts';
import * as v1 from './limits-v1.ts';
import * as v2 from './limits-v2.ts';

/** Where a controller's limits are written, or why they cannot be. */
export type ControllerPlace =
  | { readonly version: 1 | 2; readonly base: CgroupDirectory }
  | { readonly unavailable: string };

/** Writes limits wherever each controller lives. */
export class LimitFiles {
  readonly #places: ReadonlyMap<Controller, ControllerPlace>;
  readonly #swapAccounted: boolean;

  constructor(places: ReadonlyMap<Controller, ControllerPlace>) {
    this.#places = places;
    const memory = places.get('memory');
    this.#swapAccounted =
      memory !== undefined && 'base' in memory && (memory.version === 1 ? v1 : v2).accountsSwap(memory.base);
  }

  get available(): ReadonlySet<Controller> {
    return new Set(controllers.filter((controller) => 'base' in this.place(controller)));
  }

  /** @throws CgroupError ERR_LIMIT_UNENFORCEABLE naming every wanted controller that is missing, and why. */
  requireAvailable(wanted: readonly Controller[]): void {
    const missing = wanted.filter((controller) => 'unavailable' in this.place(controller));
    if (missing.length === 0) return;
    const reasons = missing.map((controller) => {
      const place = this.place(controller);
      return `${controller}: ${'unavailable' in place ? place.unavailable : ''}`;
    });
    throw new CgroupError({
      code: 'ERR_LIMIT_UNENFORCEABLE',
      step: 'set limits',
      controllers: missing,
      text: `this host cannot enforce ${missing.length === 1 ? 'a limit' : 'limits'} of ${reasons.join('; ')}. Enable the controller, or ask for best effort`,
    });
  }

  write(controller: Controller, name: string, value: number): void {
    const place = this.place(controller);
    if (!('base' in place)) return this.requireAvailable([controller]);
    const files = place.version === 1 ? v1 : v2;
    try {
      if (controller === 'memory') files.setMemory(place.base, name, value, this.#swapAccounted);
      else if (controller === 'cpu') files.setCpu(place.base, name, value);
      else files.setPids(place.base, name, value);
    } catch (error) {
      throw refused(controller, place, name, error);
    }
  }

  place(controller: Controller): ControllerPlace {
    return this.#places.get(controller) ?? { unavailable: 'in no mounted cgroup hierarchy' };
  }
}

/** What each errno of a limit file means (kernel documentation, cgroup v1 and v2). */
const reasons: Readonly<Record<string, string>> = {
  EBUSY: 'the group uses more than that already',
  EINVAL: 'the kernel refuses the value, as when it is above the limit of a group further up',
  ENOENT: 'the group has no such file: the controller is not enabled for it',
};

function refused(
  controller: Controller,
  place: { readonly version: 1 | 2; readonly base: CgroupDirectory },
  name: string,
  error: unknown,
): unknown {
  if (!(error instanceof CgroupError)) return error;
  // No file and no group is a different trouble than no file in a group.
  if (error.code === 'ERR_CGROUP_GONE' && !place.base.has(`${name}/cgroup.procs`)) return error;
  const reason = reasons[error.errno ?? ''];
  return new CgroupError({
    code: 'ERR_LIMIT_UNENFORCEABLE',
    step: error.step,
    errno: error.errno,
    controllers: [controller],
    text: `${controller} limit in the v${place.version} hierarchy: ${error.message}${reason === undefined ? '' : `: ${reason}`}`,
    cause: error,
  });
}
