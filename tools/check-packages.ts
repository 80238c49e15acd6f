// usage: node tools/check-packages.ts [PACKAGE_DIRECTORY...]
//
// Packs the packages as they would be published and checks the tarballs: publint (what the manifest promises is there)
// and attw (types resolve for ESM users). Checking the folder instead would pass with a file missing from `files`.
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));

interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, unknown>>;
}

function packageDirectories(): string[] {
  return ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(root, group))
      .map((name) => `${group}/${name}`)
      .filter((directory) => statSync(join(root, directory, 'package.json'), { throwIfNoEntry: false })?.isFile()),
  );
}

/** pnpm alone turns `catalog:` and `workspace:` into versions. An own one in PATH starts faster than npx. */
function pnpmCommand(): readonly [string, ...string[]] {
  const inPath = (process.env.PATH ?? '').split(delimiter).some((directory) => {
    return statSync(join(directory, 'pnpm'), { throwIfNoEntry: false })?.isFile();
  });
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { packageManager: string };
  return inPath ? ['pnpm'] : ['npx', '--yes', '--prefer-offline', packageManager];
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
  const checks: (readonly [string, readonly string[]])[] = [
    ['publint', ['run', join(destination, tarball), '--strict']],
  ];
  // A package that only carries a program has no entry whose types could be resolved.
  if (manifest.exports?.['.'] !== undefined)
    checks.push(['attw', [join(destination, tarball), '--profile', 'esm-only']]);
  const problems: string[] = [];
  for (const [tool, toolArguments] of checks) {
    const problem = await check(join(root, 'node_modules/.bin', tool), toolArguments, cwd);
    if (problem !== null) problems.push(`${manifest.name}: ${tool}:\n${problem}`);
  }
  return problems;
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
