import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Says that the kernel may have rules, interfaces and leases of the instance; without it nobody has to look. */
export const networkMarker = 'network';

export function writeMarker(instanceDirectory: string): void {
  writeFileSync(join(instanceDirectory, networkMarker), '', { mode: 0o600 });
}

export function hasMarker(instanceDirectory: string): boolean {
  return existsSync(join(instanceDirectory, networkMarker));
}

/** Nothing is left there. */
export function removeMarker(instanceDirectory: string): void {
  rmSync(join(instanceDirectory, networkMarker), { force: true });
}
