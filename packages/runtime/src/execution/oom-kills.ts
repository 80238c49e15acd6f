import { CgroupError, type SandboxCgroup } from '@hatchery/cgroup';

/**
 * Counts from now on: the returned function tells whether the kernel's OOM killer has struck in the sandbox since. The
 * kernel counts a kill before it sends the signal, so an exit by it always finds it counted.
 */
export function watchOomKills(cgroup: SandboxCgroup): () => boolean {
  const before = countOf(cgroup);
  return () => {
    const now = countOf(cgroup);
    return before !== null && now !== null && now > before;
  };
}

/** null: nothing counts on this host, or the sandbox is gone. */
function countOf(cgroup: SandboxCgroup): number | null {
  try {
    return cgroup.oomKills();
  } catch (error) {
    if (error instanceof CgroupError && error.code === 'ERR_CGROUP_GONE') return null;
    throw error;
  }
}
