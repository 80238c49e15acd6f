// usage: npm run rehearse
//
// Makes the next release in a copy of the repository and publishes it to a registry on loopback, with what is not committed
// yet; prints all that the commands say. Then installs the command from there with npm in an empty folder, where there is no
// compiler, and tells how long it was until the first sandbox had run. Nothing of the repository changes. The tests do the same and
// look at what came of it: tests/published/.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Installation } from './rehearse/installation.ts';
import { pathWithoutCompilers } from './rehearse/path-without-compilers.ts';
import { Registry } from './rehearse/registry.ts';
import { rehearseRelease } from './rehearse/rehearse-release.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'hatchery-rehearsal-'));
const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;
try {
  await using registry = await Registry.start();
  const began = performance.now();
  await rehearseRelease(root, join(directory, 'copy'), registry, (output) => process.stdout.write(output));
  console.log(`released and published in ${seconds(began)}:`);
  for (const [name, bytes] of registry.tarballs) console.log(`  ${name}  ${Math.ceil(bytes.length / 1024)} KiB`);

  const path = pathWithoutCompilers(join(directory, 'path'));
  const fresh = performance.now();
  const installation = await Installation.make(join(directory, 'fresh'), '@hatchery/runner', registry, path);
  console.log(`npm install @hatchery/runner in an empty folder: ${seconds(fresh)}`);
  const { stdout } = await installation.runAlone(['npx', 'hatchery', 'run', 'echo', 'the first sandbox']);
  console.log(`npx hatchery run: ${stdout.trim()}, ${seconds(fresh)} after the folder was empty`);
} finally {
  rmSync(directory, { recursive: true });
}
