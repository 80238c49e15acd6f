import type { SandboxCgroup } from '@hatchery/cgroup';

/**
 * The kills by the kernel's OOM killer in one sandbox, and which execution each of them ended. The kernel tells how many
 * there were, not whom they hit (decision 17): an execution that SIGKILL ended, unasked, takes one that was counted since
 * its start and that no other has taken.
 */
export class OomKills {
  readonly #cgroup: Pick<SandboxCgroup, 'oomKills'>;
  /** Numbers of the kills, from 1, that ended an execution we know of. */
  readonly #taken = new Set<number>();

  constructor(cgroup: Pick<SandboxCgroup, 'oomKills'>) {
    this.#cgroup = cgroup;
  }

  /** How many there were; null: nothing counts on this host, or the sandbox is gone. */
  count(): number | null {
    return this.#cgroup.oomKills() ?? null;
  }

  /**
   * Whether an execution that started when there had been `before` was ended by one. The kernel counts a kill before it sends
   * the signal, so an exit by it always finds it counted.
   */
  take(before: number | null): boolean {
    const now = this.count();
    if (before === null || now === null) return false;
    // The oldest: a later one is left to those who started later, who could take no other.
    for (let kill = before + 1; kill <= now; kill++) {
      if (this.#taken.has(kill)) continue;
      this.#taken.add(kill);
      return true;
    }
    return false;
  }
}
