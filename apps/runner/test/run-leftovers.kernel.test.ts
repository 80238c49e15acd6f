import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { findCgroupHost } from '@hatchery/cgroup';
import { expect, it } from 'vitest';
import { finish, hatchery, sees, start } from './hatchery.ts';

/** Mounts, instances, cgroups and shims on this machine. */
function leftovers(): Record<string, string[]> {
  const host = findCgroupHost();
  const mounts = [...new Set([host.unified, ...host.controllers.values()].map(({ mount }) => mount))];
  const list = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);
  return {
    mounts: readFileSync('/proc/self/mounts', 'utf8').split('\n'),
    instances: list('/run/hatchery/instances'),
    cgroups: mounts.flatMap((mount) =>
      list(`${mount}/hatchery`).filter((name) => existsSync(`${mount}/hatchery/${name}/cgroup.procs`)),
    ),
    shims: readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isShim(pid)),
  };
}

function isShim(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('hatchery-shim');
  } catch {
    return false; // it ended while we looked
  }
}

it('run leaves no process, mount, cgroup or file behind: after success, failure, a missing command and a signal', async () => {
  await hatchery(['run', 'true']); // what is made once for all stays
  const before = leftovers();
  await hatchery(['run', 'sh', '-c', 'sleep 1000 & exit 3']);
  await hatchery(['run', 'no-such-program-here']);
  await hatchery(['run', '--memory', '1', 'true']);
  const child = start(['run', 'sh', '-c', 'echo ready; exec sleep 1000']);
  await sees(child.stdout, 'ready');
  child.kill('SIGINT');
  await finish(child);
  // What others left before may be swept meanwhile; nothing may be there that was not.
  const added = Object.entries(leftovers()).map(([kind, now]) => [
    kind,
    now.filter((line) => !(before[kind] ?? []).includes(line)),
  ]);
  expect(Object.fromEntries(added)).toEqual({ mounts: [], instances: [], cgroups: [], shims: [] });
});
