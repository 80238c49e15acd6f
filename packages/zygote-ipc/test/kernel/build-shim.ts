import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { shimPath } from '../../src/shim-file.ts';

export type ShimVariant = 'hatchery-shim' | 'hatchery-shim-asan';

const native = join(import.meta.dirname, '../../native');
const linux = join(native, '../../linux/native');
const sources = [join(native, 'shim'), join(native, 'wire'), linux, join(linux, 'teardown')];

function builtAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Builds the variant if it is missing or older than its sources; its path. */
export function buildShim(variant: ShimVariant): string {
  const path = shimPath(variant);
  const newest = Math.max(
    ...sources.flatMap((folder) => readdirSync(folder).map((file) => builtAt(join(folder, file)))),
  );
  if (builtAt(path) < newest) {
    const options = variant === 'hatchery-shim-asan' ? ['--asan'] : [];
    execFileSync('sh', [join(native, 'build.sh'), ...options], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  return path;
}
