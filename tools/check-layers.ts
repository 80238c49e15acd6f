// usage: node tools/check-layers.ts [ROOT]
//
// Imports point one way: a package may use packages of lower floors only. Prints each breach, exits 1 if there is one.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A new package gets its floor here. Packages of one floor do not import each other. */
const FLOORS: readonly (readonly string[])[] = [
  // What the build has made for one kind of machine: each has one file, and none imports anything.
  ['packages/linux-arm64', 'packages/linux-x64', 'packages/zygote-ipc-arm64', 'packages/zygote-ipc-x64'],
  ['packages/linux', 'packages/event-queue'],
  ['packages/blocking-io', 'packages/cgroup', 'packages/network', 'packages/shim-signing', 'packages/zygote-ipc'],
  ['packages/runtime'],
  ['apps/runner'],
];

/** Where things end up that nobody finds again. */
const DRAWER_NAMES = /^(common|helpers?|misc|shared|utils?)$/;
const SOURCE = /\.(ts|mts|js|mjs)$/;
const NATIVE = /\.(c|h|S)$/;
const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*|\bimport\.meta\.resolve\(\s*|\bnew URL\(\s*)['"]([^'"\n]+)['"]/g;
const INCLUDE = /^\s*#\s*include\s*"([^"\n]+)"/gm;
const SKIPPED_DIRECTORIES = new Set(['node_modules', 'dist', 'build', '.turbo']);

interface Package {
  readonly directory: string;
  readonly name: string;
  readonly floor: number;
}

/** One sentence for each breach found under `root`. */
export function checkLayers(root: string): string[] {
  const breaches: string[] = [];
  const packages = findPackages(root, breaches);
  const byName = new Map(packages.map((found) => [found.name, found]));
  for (const from of packages) {
    const use = (file: string, target: Package): void => {
      if (target === from || target.floor < from.floor) return;
      breaches.push(
        `${file}: ${from.directory} (floor ${from.floor}) must not use ${target.directory} (floor ${target.floor})`,
      );
    };
    checkManifest(root, from, byName, use);
    for (const file of filesOf(root, from.directory)) {
      if (DRAWER_NAMES.test(stem(file))) breaches.push(`${file}: name the file after the one thing in it`);
      const text = SOURCE.test(file) || NATIVE.test(file) ? readFileSync(join(root, file), 'utf8') : '';
      if (SOURCE.test(file)) checkImports(root, from, file, text, { packages, byName, use, breaches });
      if (NATIVE.test(file)) checkIncludes(root, from, file, text, packages, breaches);
    }
  }
  return breaches;
}

function findPackages(root: string, breaches: string[]): Package[] {
  const found: Package[] = [];
  for (const group of ['packages', 'apps']) {
    for (const entry of directoriesOf(join(root, group))) {
      const directory = `${group}/${entry}`;
      if (DRAWER_NAMES.test(entry)) breaches.push(`${directory}: a package is named after what it does`);
      const floor = FLOORS.findIndex((floorPackages) => floorPackages.includes(directory));
      if (floor === -1) breaches.push(`${directory}: has no floor in tools/check-layers.ts`);
      const manifest = readManifest(root, directory);
      if (floor !== -1 && manifest !== null) found.push({ directory, name: manifest.name, floor });
    }
  }
  return found;
}

function checkManifest(
  root: string,
  from: Package,
  byName: ReadonlyMap<string, Package>,
  use: (file: string, target: Package) => void,
): void {
  const manifest: Partial<Manifest> = readManifest(root, from.directory) ?? {};
  for (const field of ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const) {
    for (const name of Object.keys(manifest[field] ?? {})) {
      const target = byName.get(name);
      if (target !== undefined) use(`${from.directory}/package.json`, target);
    }
  }
}

interface ImportRules {
  readonly packages: readonly Package[];
  readonly byName: ReadonlyMap<string, Package>;
  readonly use: (file: string, target: Package) => void;
  readonly breaches: string[];
}

function checkImports(root: string, from: Package, file: string, text: string, rules: ImportRules): void {
  for (const [, specifier = ''] of text.matchAll(IMPORT)) {
    if (!specifier.startsWith('.')) {
      const target = rules.byName.get(specifier.split('/').slice(0, 2).join('/'));
      if (target !== undefined) rules.use(file, target);
      continue;
    }
    const target = relative(root, resolve(root, dirname(file), specifier));
    if (isInside(target, from.directory)) continue;
    // A test may run a repository tool; nothing else reaches out of its package by path.
    if (
      file.startsWith(`${from.directory}/test/`) &&
      !rules.packages.some((other) => isInside(target, other.directory))
    )
      continue;
    rules.breaches.push(`${file}: reaches out of its package by path: ${specifier}`);
  }
}

function checkIncludes(
  root: string,
  from: Package,
  file: string,
  text: string,
  packages: readonly Package[],
  breaches: string[],
): void {
  for (const [, header = ''] of text.matchAll(INCLUDE)) {
    const target = relative(root, resolve(root, dirname(file), header));
    const owner = packages.find((other) => isInside(target, other.directory));
    if (owner === from || (owner?.directory === 'packages/linux' && from.floor > owner.floor)) continue;
    // A header found through -I stands in the package's own native/.
    if (!header.startsWith('.') && owner === undefined) continue;
    breaches.push(`${file}: includes "${header}": across packages, C includes headers of packages/linux only`);
  }
}

function isInside(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

function stem(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1).replace(/\..*$/, '');
}

interface Manifest {
  readonly name: string;
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
}

function readManifest(root: string, directory: string): Manifest | null {
  const file = join(root, directory, 'package.json');
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return null;
  return JSON.parse(readFileSync(file, 'utf8')) as Manifest;
}

function directoriesOf(directory: string): string[] {
  if (statSync(directory, { throwIfNoEntry: false }) === undefined) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !SKIPPED_DIRECTORIES.has(entry.name))
    .map((entry) => entry.name)
    .sort();
}

function filesOf(root: string, directory: string): string[] {
  const files: string[] = [];
  for (const entry of readdirSync(join(root, directory), { withFileTypes: true })) {
    const path = `${directory}/${entry.name}`;
    if (!entry.isDirectory()) files.push(path);
    else if (!SKIPPED_DIRECTORIES.has(entry.name)) files.push(...filesOf(root, path));
  }
  return files.sort();
}

if (import.meta.main) {
  const root = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url));
  const breaches = checkLayers(root);
  for (const breach of breaches) console.log(breach);
  process.exitCode = breaches.length === 0 ? 0 : 1;
}
