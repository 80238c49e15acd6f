import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

/** The names that npm would pack of a folder with this package's manifest and these files. */
async function packed(name: string, files: readonly string[]): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'hatchery-packed-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  cpSync(join(root, 'packages', name, 'package.json'), join(directory, 'package.json'));
  for (const file of files) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), 'x');
  }
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--offline'], {
    cwd: directory,
  });
  const [result] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  return result.files.map(({ path }) => path).toSorted();
}

// Mutation: `build` instead of `build/*/hatchery-shim` in the manifest's files.
test('inv-60: beside the shims nothing of their build is packed: no sanitized one, no half-written one, no log', async () => {
  const built = ['linux-x64', 'linux-arm64'].map((machine) => `build/${machine}`);
  const shims = built.map((directory) => `${directory}/hatchery-shim`);
  const strays = ['hatchery-shim-asan', 'hatchery-shim.new', '.hatchery-shim.7.00aabbccddee.new', '.static-test.log'];
  const files = [
    ...shims,
    ...built.flatMap((directory) => strays.map((name) => `${directory}/${name}`)),
    'dist/index.js',
  ];
  expect(await packed('zygote-ipc', files)).toEqual([...shims, 'dist/index.js', 'package.json'].toSorted());
});

// Mutation: `build` in the manifest's files.
test('inv-60: of the runtime’s build the public key is packed, when there is one, and no private one ever', async () => {
  const files = ['build/development-key.pem.4242', 'build/shim-key.pem', '.hatchery/shim-key.pem', 'dist/index.js'];
  const key = 'build/development-key.pem';
  expect(await packed('runtime', files)).toEqual(['dist/index.js', 'package.json']);
  expect(await packed('runtime', [...files, key])).toEqual([key, 'dist/index.js', 'package.json']);
});
