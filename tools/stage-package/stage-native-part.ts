import { existsSync, globSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { acceptedKeys } from '../../packages/runtime/src/open/accepted-keys.ts';
import {
  describeHeader,
  isForTarget,
  type Machine,
  readExecutableHeader,
} from '../../packages/shim-signing/src/executable-header.ts';
import { verifyShim } from '../../packages/shim-signing/src/index.ts';

/** The optional package that carries what another one needs on one kind of machine: `@hatchery/linux-arm64` of `@hatchery/linux`. */
export interface NativePart {
  readonly root: string;
  /** Of the optional package. */
  readonly directory: string;
  readonly name: string;
  readonly version: string;
  readonly machine: Machine;
  /** The one file that it packs. */
  readonly file: string;
  /** Where the build of the other package leaves it. */
  readonly built: string;
  readonly isBuilt: boolean;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly files: readonly string[];
  readonly publishConfig?: { readonly cpu?: readonly [Machine] };
}

/** All of the repository: the packages that say which processor they are published for. */
export function nativeParts(root: string): NativePart[] {
  return globSync(join(root, 'packages/*/package.json')).flatMap((path) => {
    const { name, version, files, publishConfig } = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
    const machine = publishConfig?.cpu?.[0];
    const [file] = files;
    if (machine === undefined || file === undefined) return [];
    const directory = dirname(path);
    const built = join(directory.slice(0, -`-${machine}`.length), `build/linux-${machine}`, file);
    return [{ root, directory, name, version, machine, file, built, isBuilt: existsSync(built) }];
  });
}

/**
 * Copies what was built into the package that carries it. Throws when it has not been built, is for another kind of machine,
 * or is a shim that the runtime of this build would refuse.
 */
export function stageNativePart(part: NativePart): void {
  if (!part.isBuilt)
    throw new Error(
      `${part.name}: ${relative(part.root, part.built)} has not been built; run node tools/build-native.ts ${part.machine}`,
    );
  const bytes = readFileSync(part.built);
  const target = { system: 'linux', machine: part.machine } as const;
  const header = readExecutableHeader(bytes);
  if (!isForTarget(header, target))
    throw new Error(`${part.name}: ${part.built} is for ${describeHeader(header)}, not for ${describeHeader(target)}`);
  if (part.file === 'hatchery-shim')
    verifyShim(bytes, { version: part.version, target, keys: acceptedKeys(null) }, part.built);
  const staged = join(part.directory, part.file);
  if (existsSync(staged) && readFileSync(staged).equals(bytes)) return;
  const temporary = `${staged}.${process.pid}.new`;
  writeFileSync(temporary, bytes, { mode: 0o755 });
  renameSync(temporary, staged);
}

/** Takes away what an earlier build has left. */
export function unstageNativePart(part: NativePart): void {
  rmSync(join(part.directory, part.file), { force: true });
}
