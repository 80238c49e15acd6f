import type { CgroupDirectory } from './cgroup-directory.ts';
import { CgroupError } from './cgroup-error.ts';
import type { Controller } from './controller.ts';

/**
 * Enables v2 controllers for the children of a directory. Each alone, so that one the kernel refuses takes no other
 * along. Returns the refused ones with the reason; their limits are then unenforceable, which the caller of
 * setLimits hears.
 */
export function enableControllers(
  directory: CgroupDirectory,
  wanted: readonly Controller[],
): ReadonlyMap<Controller, string> {
  const refused = new Map<Controller, string>();
  if (wanted.length === 0) return refused;
  const enabled = new Set(directory.read('cgroup.subtree_control').trim().split(' '));
  for (const controller of wanted) {
    // Already on: no write, which a delegated directory may refuse.
    if (enabled.has(controller)) continue;
    try {
      directory.write('cgroup.subtree_control', `+${controller}`);
    } catch (error) {
      if (!(error instanceof CgroupError)) throw error;
      refused.set(controller, error.message + (hints[error.errno ?? ''] ?? ''));
    }
  }
  return refused;
}

const hints: Readonly<Record<string, string>> = {
  EBUSY:
    ': the cgroup holds processes, and v2 enables no controller below such a one. Start this process in a leaf of its own (systemd: DelegateSubgroup=)',
  ENOENT: ': the cgroup above does not pass the controller on (cgroup.controllers)',
};
