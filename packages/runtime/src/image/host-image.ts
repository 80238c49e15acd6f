import { createHash } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { HatcheryError } from '../errors.ts';
import { generateId } from '../spec/generate-id.ts';
import { buildSkeleton, type SkeletonSource } from './build-skeleton.ts';
import { copiedFromEtc } from './host-etc.ts';
import { hostLayout } from './host-layout.ts';
import type { Image } from './image.ts';

/** Raise with every change of what the skeleton holds. */
const skeletonVersion = 1;

/** What of a host does not change while it runs, by its root: each create would pay for asking again. */
const hosts = new Map<string, Promise<Host>>();

/** Skeletons being built in this process, by path: parallel creates wait for one build. */
const builds = new Map<string, Promise<void>>();

/**
 * The image `host`: a generated skeleton as `/` and the host's own /usr on it, so that its programs run but nothing of
 * its /root, /home, /var, /run or private /etc is there. What the host lacks, the image lacks.
 * @param options.hostRoot where the host's tree is; `/` but in tests
 * @param options.resolvers name servers that it asks; none: loopback, which refuses at once
 */
export async function hostImage(options: {
  dataDirectory: string;
  hostRoot?: string;
  resolvers?: readonly string[];
}): Promise<Image> {
  const host = { ...(await rememberHost(options.hostRoot ?? '/')), resolvers: options.resolvers ?? [] };
  const { hostRoot, layout } = host;
  const key = `host-${host.boot}-${await fingerprint(host)}`;
  const images = join(options.dataDirectory, 'images');
  const root = join(images, key, 'root');
  const source = (await findRoot(root)) ?? (await buildOnce(images, key, host), await realpath(root));
  const usr = layout.directories.map((name) => ({ target: `/${name}`, source: join(hostRoot, name) }));
  return { key, layers: [{ target: '/', source }, ...usr] };
}

interface Host extends Omit<SkeletonSource, 'resolvers'> {
  readonly boot: string;
}

async function rememberHost(path: string): Promise<Host> {
  const known = hosts.get(path);
  if (known !== undefined) return await known;
  const asked = askHost(path);
  hosts.set(path, asked);
  try {
    return await asked;
  } catch (error) {
    hosts.delete(path);
    throw error;
  }
}

async function askHost(path: string): Promise<Host> {
  const hostRoot = await realpath(path);
  return { hostRoot, layout: await hostLayout(hostRoot), boot: await bootPrefix() };
}

/**
 * The skeleton is built anew after each boot, because it is not fsynced: one that a power loss left half-written would
 * otherwise be taken for whole for ever. It also means that no live sandbox has an older boot's skeleton under it.
 */
async function bootPrefix(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).slice(0, 8);
}

/**
 * Changes when a listed file or directory does: a dozen stats, because each create pays for it. Package managers
 * replace files by rename, which shows in the directory.
 */
async function fingerprint({ hostRoot, layout, resolvers }: SkeletonSource): Promise<string> {
  const names = copiedFromEtc.map((name) => join(hostRoot, 'etc', name));
  const marks = await Promise.all(
    names.map(async (path) => {
      const found = await lstat(path, { bigint: true }).catch(() => null);
      return found === null ? '-' : `${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}`;
    }),
  );
  const text = JSON.stringify([skeletonVersion, hostRoot, layout, marks, resolvers]);
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}

async function buildOnce(images: string, key: string, host: SkeletonSource): Promise<void> {
  const directory = join(images, key);
  const running = builds.get(directory) ?? build(images, key, host);
  builds.set(directory, running);
  try {
    await running;
  } finally {
    builds.delete(directory);
  }
}

/** Whole under a name of its own, then renamed: other processes see all of it or nothing. */
async function build(images: string, key: string, host: SkeletonSource): Promise<void> {
  const temporary = join(images, `building-${process.pid}-${key}-${generateId()}`);
  try {
    await mkdir(images, { recursive: true, mode: 0o700 });
    await removeDebris(images, key);
    await mkdir(temporary, { mode: 0o700 });
    await buildSkeleton(join(temporary, 'root'), host);
    await rename(temporary, join(images, key));
  } catch (cause) {
    // A failure here would hide the first one; the next build removes what stays.
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    // A concurrent builder was first; its skeleton is as good as ours.
    if ((await findRoot(join(images, key, 'root'))) !== null) return;
    const why = cause instanceof Error ? cause.message : String(cause);
    const text = `build of the image host in ${images}: ${why}; run as root with that directory writable`;
    throw new HatcheryError('ERR_SANDBOX_CREATE', text, { step: 'build-host-image', cause });
  }
}

/** What dead builders and earlier boots left. */
async function removeDebris(images: string, key: string): Promise<void> {
  const boot = key.split('-')[1];
  for (const name of await readdir(images)) {
    const built = /^host-([0-9a-f]{8})-/.exec(name);
    const building = /^building-(\d+)-host-([0-9a-f]{8})-/.exec(name);
    const isOld = (built && built[1] !== boot) || (building && (building[2] !== boot || !isAlive(Number(building[1]))));
    if (isOld) await rm(join(images, name), { recursive: true, force: true });
  }
}

/** A recycled pid only delays the removal until that process ends. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** null: not built. */
async function findRoot(path: string): Promise<string | null> {
  return await realpath(path).catch(() => null);
}
