import { accessSync, chmodSync, constants, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { CliError } from '../cli-error.ts';
import { tryLock } from '../file-lock.ts';
import { syncDirectory } from '../write-durably.ts';
import { finish, packages, suite } from './base-recipe.ts';
import { generateTemplateId } from './generate-template-id.ts';
import { describeRoot } from './register-root.ts';
import { buildPath, runIsolated } from './run-isolated.ts';
import { syncTree } from './sync-tree.ts';
import { baseName, type Template } from './template.ts';
import type { TemplateStore } from './template-store.ts';
import { tryFilesystem, tryRoot } from './try-root.ts';

/** What `image base` was asked for. */
export interface BuildOptions {
  readonly dataDirectory: string;
  /** URL of a Debian archive, or `file:///…`. */
  readonly mirror: string;
  /** Hears a line now and then. */
  readonly tell: (line: string) => void;
}

const tools = ['debootstrap', 'setpriv', 'unshare', 'chroot'];
const building = 'building-base-';

/**
 * Builds `base` in a directory beside the images and moves it there when it is whole and a program has run on it. What a
 * killed build left counts for nothing and is removed by the next. Throws ERR_TEMPLATE_EXISTS, ERR_TEMPLATE_BUILD, and
 * ERR_IMAGE_UNSUPPORTED where sandboxes cannot be made on the data directory's filesystem, before anything is built.
 */
export async function buildBase(store: TemplateStore, options: BuildOptions): Promise<Template> {
  const { dataDirectory, mirror, tell } = options;
  requireTools();
  const images = join(dataDirectory, 'images');
  mkdirSync(images, { recursive: true, mode: 0o700 });
  using lock = tryLock(join(images, 'base.lock'));
  if (lock === null)
    throw new CliError('ERR_TEMPLATE_BUILD', `build of base in ${images}: another one is at it; wait for its end`);
  refuseSecond(store);
  const id = generateTemplateId();
  const staging = join(images, `${building}${id}`);
  removeDebris(images, store);
  try {
    const root = join(staging, 'root');
    mkdirSync(staging, { mode: 0o700 });
    mkdirSync(root);
    chmodSync(root, 0o755);
    await tryFilesystem(root, dataDirectory);
    tell(`building Debian ${suite} from ${mirror}`);
    // Without the check its scripts, which come over HTTP, would run as root unsigned where no keyring is installed.
    await runIsolated(
      ['debootstrap', '--force-check-gpg', '--variant=minbase', `--include=${packages.join(',')}`, suite, root, mirror],
      tellPhases(tell),
    );
    tell('adding the user and taking out what is of this host');
    await runIsolated(['chroot', root, '/bin/sh', '-c', finish], () => {});
    await tryRoot(root, dataDirectory);
    return await moveIn(store, { images, staging, id });
  } catch (error) {
    // A failure here would hide the first one; the next build removes what stays.
    rmSync(staging, { recursive: true, force: true });
    throw error;
  }
}

/** From the rename on it is whole, from the store's record on it counts; one without a record is debris. */
async function moveIn(
  store: TemplateStore,
  { images, staging, id }: { images: string; staging: string; id: string },
): Promise<Template> {
  const place = join(images, `${baseName}-${id}`);
  syncTree(staging);
  renameSync(staging, place);
  syncDirectory(images);
  try {
    const template = describeRoot(baseName, join(place, 'root'), `Debian ${suite}, built by hatchery`);
    await store.add(template);
    return template;
  } catch (error) {
    rmSync(place, { recursive: true, force: true });
    throw error;
  }
}

/** debootstrap has a line for each package; of those only the first of a kind is told. */
function tellPhases(tell: (line: string) => void): (line: string) => void {
  const told = new Set<string>();
  return (line) => {
    const phase = /^I: (Retrieving|Extracting|Unpacking|Configuring) /.exec(line)?.[1];
    if (phase === undefined || told.has(phase)) return;
    told.add(phase);
    tell(`${phase.toLowerCase()} packages`);
  };
}

function requireTools(): void {
  if (process.getuid?.() !== 0)
    throw new CliError('ERR_TEMPLATE_BUILD', 'build of base: only root can make a root directory; use sudo');
  const directories = buildPath().split(delimiter);
  const missing = tools.filter((tool) => !directories.some((directory) => isProgram(join(directory, tool))));
  if (missing.length === 0) return;
  throw new CliError(
    'ERR_TEMPLATE_BUILD',
    `build of base: ${missing.join(', ')} is not in PATH; install it (apt-get install debootstrap util-linux), or unpack a root directory yourself and give it to \`hatchery image register\``,
  );
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function refuseSecond(store: TemplateStore): void {
  if (store.find(baseName)?.image === 'host') return;
  throw new CliError(
    'ERR_TEMPLATE_EXISTS',
    'build of base: it is there already; to build it anew remove it first (hatchery image rm base)',
  );
}

/** Under the lock: no other build is at work, so what is not in the store belongs to one that was killed. */
function removeDebris(images: string, store: TemplateStore): void {
  const used = new Set(store.list().map(({ image }) => image));
  for (const name of readdirSync(images)) {
    const isOurs = name.startsWith(building) || name.startsWith(`${baseName}-`) || name.startsWith('removing-');
    if (isOurs && !used.has(join(images, name, 'root'))) rmSync(join(images, name), { recursive: true, force: true });
  }
}
