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

// Mutation: `native` instead of its patterns in the manifest's files.
test('inv-60: of a package with C its sources are packed, nothing of their build and nothing that lies beside them', async () => {
  const sources = ['native/build.sh', 'native/shim/main.c', 'native/shim/main.h', 'native/shim/calls.def'];
  const strays = ['build/linux-x64/hatchery-shim', 'build/linux-x64/hatchery-shim-asan', 'build/.static-test.log'];
  const beside = ['native/core', 'native/notes.txt', 'native/shim/main.o', 'native/test/fuzz.c', 'native/.main.c.swp'];
  const files = ['dist/index.js', ...sources, ...strays, ...beside];
  expect(await packed('zygote-ipc', files)).toEqual(['dist/index.js', 'package.json', ...sources].toSorted());
});

// Mutation: `*` in the manifest's files.
test.for([
  ['linux-x64', 'linux.node'],
  ['linux-arm64', 'linux.node'],
  ['zygote-ipc-x64', 'hatchery-shim'],
  ['zygote-ipc-arm64', 'hatchery-shim'],
] as const)('inv-60: %s has its one file, and nothing that a build of it may leave', async ([name, file]) => {
  const strays = [`${file}.4242.new`, 'linux.node.old', 'hatchery-shim-asan', 'dist/index.js', '.static-test.log'];
  expect(await packed(name, [file, ...strays])).toEqual([file, 'package.json'].toSorted());
});

// Mutation: `build` in the manifest's files.
test('inv-60: of the runtime’s build the public key is packed, when there is one, and no private one ever', async () => {
  const files = ['build/development-key.pem.4242', 'build/shim-key.pem', '.hatchery/shim-key.pem', 'dist/index.js'];
  const key = 'build/development-key.pem';
  expect(await packed('runtime', files)).toEqual(['dist/index.js', 'package.json']);
  expect(await packed('runtime', [...files, key])).toEqual([key, 'dist/index.js', 'package.json']);
});
