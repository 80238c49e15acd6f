import { readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const manifest = fileURLToPath(new URL('../package.json', import.meta.url));

/** pnpm alone turns `catalog:` and `workspace:` into versions. An own one in PATH starts faster than npx. */
export function pnpmCommand(): readonly [string, ...string[]] {
  const inPath = (process.env.PATH ?? '').split(delimiter).some((directory) => {
    return statSync(join(directory, 'pnpm'), { throwIfNoEntry: false })?.isFile();
  });
  const { packageManager } = JSON.parse(readFileSync(manifest, 'utf8')) as { packageManager: string };
  return inPath ? ['pnpm'] : ['npx', '--yes', '--prefer-offline', packageManager];
}
