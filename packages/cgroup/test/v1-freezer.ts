import { once } from 'node:events';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { type CgroupHost, findCgroupHost } from '../src/index.ts';
import { pidOf, type Tenant } from './tenant.ts';

/** Where the v1 freezer is mounted; null: this host has none. */
export function v1Freezer(): string | null {
  return findCgroupHost().freezer?.mount ?? null;
}

/** The group of {@link frozenByV1}. */
export const freezerGroup: string = `/hatchery-test-${process.pid}`;

/** The real host as a container in that freezer group sees it, which can move nobody out. */
export function pausedContainer(): CgroupHost {
  return { ...findCgroupHost(), freezer: { mount: `${v1Freezer()}${freezerGroup}`, root: freezerGroup } };
}

/** Runs `act` while the v1 freezer holds the tenant: unlike v2's, it lets not even SIGKILL through. */
export async function frozenByV1(child: Tenant, act: () => Promise<void>): Promise<void> {
  const group = `${v1Freezer()}${freezerGroup}`;
  const inner = existsSync(group);
  if (!inner) mkdirSync(group);
  try {
    writeFileSync(`${group}/cgroup.procs`, String(pidOf(child)));
    writeFileSync(`${group}/freezer.state`, 'FROZEN');
    await act();
  } finally {
    if (!inner) await endFrozen(child, group);
  }
}

async function endFrozen(child: Tenant, group: string): Promise<void> {
  const gone = child.signalCode === null ? once(child, 'exit') : null;
  child.kill('SIGKILL');
  writeFileSync(`${group}/freezer.state`, 'THAWED');
  await gone;
  rmdirSync(group);
}
