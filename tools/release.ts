// usage: HATCHERY_RELEASE_KEY="$(cat KEY.pem)" node tools/release.ts
//
// Builds a release from a clean clone and publishes what the registry does not have yet. docs/releasing.md tells what comes
// before; `npm run rehearse` does all of it in a copy, with a registry on loopback.
import { execFileSync } from 'node:child_process';
import { globSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pnpmCommand } from './pnpm-command.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = join(root, 'node_modules/.bin');

function run(command: string, ...commandArguments: string[]): void {
  const env = { ...process.env, PATH: bin + delimiter + (process.env['PATH'] ?? '') };
  execFileSync(command, commandArguments, { cwd: root, env, stdio: 'inherit' });
}

function changedFiles(): string {
  return execFileSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' }).trimEnd();
}

try {
  if ((process.env['HATCHERY_RELEASE_KEY'] ?? '') === '')
    throw new Error('HATCHERY_RELEASE_KEY, the private key that signs the shims, is not set; see docs/releasing.md');
  if (changedFiles() !== '')
    throw new Error(`a release is made of what is committed, and this is not:\n${changedFiles()}`);
  // What an earlier build has left must not be published.
  for (const made of globSync('{packages,apps}/*/{dist,build}', { cwd: root }))
    rmSync(join(root, made), { recursive: true });
  run('node', 'tools/build-native.ts');
  run('tsc', '-b', 'tsconfig.build.json');
  const [pnpm, ...pnpmArguments] = pnpmCommand();
  run(pnpm, ...pnpmArguments, 'exec', 'changeset', 'publish');
} catch (error) {
  console.error(`release: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
