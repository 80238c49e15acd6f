import { readFileSync } from 'node:fs';

/** The processes of one cgroup, without those below. */
export function pidsIn(cgroup: string): number[] {
  return readFileSync(`${cgroup}/cgroup.procs`, 'utf8').split('\n').filter(Boolean).map(Number);
}
