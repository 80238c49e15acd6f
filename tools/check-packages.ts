// usage: node tools/check-packages.ts [PACKAGE_DIRECTORY...]
//
// Packs the packages as they would be published and checks the tarballs: their files (each is of this build, and none is
// missing), their manifest (versions that a registry knows), publint (what the manifest promises is there) and attw (types
// resolve for ESM users). Checking the folder instead would pass with a file missing from `files`. A native part that this machine
// has not built is left out: the rehearsal of a release builds and packs all.
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { checkManifest } from './check-packages/check-manifest.ts';
import { expectedFiles } from './check-packages/expected-files.ts';
import { readTarball } from './check-packages/read-tarball.ts';
import { pnpmCommand } from './pnpm-command.ts';
import { nativeParts } from './stage-package/stage-native-part.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));

/** Without the first a pack could hold what no build has made, without the second a development build could be published. */
const HOOKS = { prepack: 'node ../../tools/stage-package.ts', prepublishOnly: 'node ../../tools/check-release.ts' };

interface Manifest {
  readonly name: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
}

const notBuilt = new Set(
  nativeParts(root)
    .filter(({ isBuilt }) => !isBuilt)
    .map(({ directory }) => directory),
);

function packageDirectories(): string[] {
  return ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(root, group))
      .map((name) => `${group}/${name}`)
      .filter((directory) => statSync(join(root, directory, 'package.json'), { throwIfNoEntry: false })?.isFile())
      .filter((directory) => !notBuilt.has(join(root, directory))),
  );
}

async function check(command: string, commandArguments: readonly string[], cwd: string): Promise<string | null> {
  try {
    await run(command, commandArguments, { cwd });
    return null;
  } catch (error) {
    const { stdout, stderr, message } = error as { stdout?: string; stderr?: string; message: string };
    return `${stdout ?? ''}${stderr ?? ''}`.trim() || message;
  }
}

async function checkPackage(directory: string, work: string): Promise<string[]> {
  const cwd = join(root, directory);
  const manifest = JSON.parse(readFileSync(join(cwd, 'package.json'), 'utf8')) as Manifest;
  const destination = mkdtempSync(join(work, 'pack-'));
  const [pnpm, ...pnpmArguments] = pnpmCommand();
  const packError = await check(pnpm, [...pnpmArguments, 'pack', '--pack-destination', destination], cwd);
  const tarball = readdirSync(destination).find((file) => file.endsWith('.tgz'));
  if (packError !== null || tarball === undefined)
    return [`${manifest.name}: pnpm pack: ${packError ?? 'left no tarball'}`];
  const problems = checkTarball(join(destination, tarball), directory).map((problem) => `${manifest.name}: ${problem}`);
  for (const [hook, command] of Object.entries(HOOKS))
    if (manifest.scripts?.[hook] !== command) problems.push(`${manifest.name}: its script ${hook} is not "${command}"`);
  const checks: (readonly [string, readonly string[]])[] = [
    ['publint', ['run', join(destination, tarball), '--strict']],
  ];
  // A package that only carries a program has no entry whose types could be resolved.
  if (manifest.exports?.['.'] !== undefined)
    checks.push(['attw', [join(destination, tarball), '--profile', 'esm-only']]);
  for (const [tool, toolArguments] of checks) {
    const problem = await check(join(root, 'node_modules/.bin', tool), toolArguments, cwd);
    if (problem !== null) problems.push(`${manifest.name}: ${tool}:\n${problem}`);
  }
  return problems;
}

function checkTarball(path: string, directory: string): string[] {
  const files = readTarball(readFileSync(path));
  const expected = expectedFiles(root, directory);
  return [
    ...[...files.keys()]
      .filter((file) => !expected.includes(file))
      .map((file) => `packs ${file}, which this build has not made`),
    ...expected.filter((file) => !files.has(file)).map((file) => `lacks ${file}`),
    ...checkManifest(JSON.parse(String(files.get('package.json')))),
  ];
}

const work = mkdtempSync(join(tmpdir(), 'hatchery-packages-'));
try {
  const directories = process.argv.length > 2 ? process.argv.slice(2) : packageDirectories();
  const problems: string[] = [];
  for (const directory of directories) problems.push(...(await checkPackage(directory, work)));
  for (const problem of problems) console.log(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
