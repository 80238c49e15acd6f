import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { findCgroupHost } from '@hatchery/cgroup';

/** The v2 cgroup of a sandbox, of the instance's zygote (`@zygote`), or of a part below. */
export function unifiedCgroup(instance: string, path: string): string {
  const root = join(findCgroupHost().unifiedMount, 'hatchery');
  // Below a directory of its own for each run directory that is not the default one.
  const parents = existsSync(root) ? readdirSync(root).filter((name) => name.startsWith('run-')) : [];
  const parent = parents.find((name) => existsSync(join(root, name, instance))) ?? '';
  return join(root, parent, instance, path);
}

/** Host pids in a v2 cgroup; empty when it is gone. */
export function pidsIn(cgroup: string): number[] {
  const path = join(cgroup, 'cgroup.procs');
  if (!existsSync(path)) return [];
  return readFileSync(path, 'latin1').split('\n').filter(Boolean).map(Number);
}

/** Host pid of a sandbox's init. */
export function initOf(instance: string, sandboxId: string): number {
  const [pid] = pidsIn(unifiedCgroup(instance, `${sandboxId}/init`));
  if (pid === undefined) throw new Error(`no init of ${sandboxId}`);
  return pid;
}

/** Host pid of an instance's zygote. */
export function zygoteOf(instance: string): number {
  const [pid] = pidsIn(unifiedCgroup(instance, '@zygote'));
  if (pid === undefined) throw new Error(`no zygote of ${instance}`);
  return pid;
}

/** A field of /proc/<pid>/status. */
export function statusField(pid: number, name: string): string {
  const text = readFileSync(`/proc/${pid}/status`, 'latin1');
  return new RegExp(`^${name}:\\t(.*)$`, 'm').exec(text)?.[1] ?? '';
}

/** What a process has open, by number. */
export function descriptorsOf(pid: number | 'self'): string[] {
  return readdirSync(`/proc/${pid}/fd`)
    .map((fd) => {
      try {
        return `${fd} ${readlinkSync(`/proc/${pid}/fd/${fd}`)}`;
      } catch {
        // The descriptor that lists the others.
        return '';
      }
    })
    .filter(Boolean);
}
