import { join } from 'node:path';
import { listIfThere, lookIfThere, readIfThere, unreadable } from './if-there.ts';

/** A cgroup of the instance, in one hierarchy. */
export interface FoundCgroup {
  readonly path: string;
  /** The name right below the base: a sandbox's id, or a leaf as `@zygote`; null: it is the base. */
  readonly owner: string | null;
  /** Never used again within one boot, as names are. */
  readonly inode: number;
  readonly pids: readonly number[];
}

/** Every cgroup of an instance: its bases and everything below. Rejects with ERR_CENSUS when one cannot be read. */
export async function findCgroups(bases: readonly string[]): Promise<FoundCgroup[]> {
  const found: FoundCgroup[] = [];
  const known = new Set<string>();
  for (const base of bases) {
    const mark = await markOf(base);
    // A hierarchy may be mounted at several places.
    if (mark === null || known.has(mark.name)) continue;
    known.add(mark.name);
    found.push({ path: base, owner: null, inode: mark.inode, pids: await pidsIn(base) });
    for (const name of await childrenOf(base)) found.push(...(await findTree(join(base, name), name)));
  }
  return found;
}

/** Those of one name below the bases. */
export async function findCgroupsOf(bases: readonly string[], name: string): Promise<FoundCgroup[]> {
  const found: FoundCgroup[] = [];
  for (const base of bases) found.push(...(await findTree(join(base, name), name)));
  return found;
}

/** In v2 a line may come twice. */
export function parsePids(text: string, path: string): number[] {
  const pids = text.split('\n').slice(0, -1).map(Number);
  // 0 stands for a member outside our pid namespace: there is somebody, who cannot be named.
  if (pids.every((pid) => Number.isSafeInteger(pid) && pid > 0)) return [...new Set(pids)];
  throw unreadable(`read ${path}`, `it holds processes that this pid namespace cannot name: ${JSON.stringify(text)}`);
}

async function findTree(path: string, owner: string): Promise<FoundCgroup[]> {
  const mark = await markOf(path);
  if (mark === null) return [];
  const found: FoundCgroup[] = [{ path, owner, inode: mark.inode, pids: await pidsIn(path) }];
  for (const name of await childrenOf(path)) found.push(...(await findTree(join(path, name), owner)));
  return found;
}

async function childrenOf(path: string): Promise<string[]> {
  const entries = (await listIfThere(path)) ?? [];
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

async function pidsIn(path: string): Promise<number[]> {
  const file = join(path, 'cgroup.procs');
  return parsePids((await readIfThere(file)) ?? '', file);
}

/** null: it is not there. */
async function markOf(path: string): Promise<{ name: string; inode: number } | null> {
  const stats = await lookIfThere(path);
  return stats === null ? null : { name: `${stats.dev}:${stats.ino}`, inode: stats.ino };
}
