import { access, chmod, chown, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { copyHostEtc } from './host-etc.ts';
import type { HostLayout } from './host-layout.ts';
import { skeletonFiles } from './skeleton-files.ts';

/** The host that a skeleton is made for. */
export interface SkeletonSource {
  readonly hostRoot: string;
  readonly layout: HostLayout;
  /** Name servers that its sandboxes ask; none: they have no network to ask over. */
  readonly resolvers: readonly string[];
}

/** Directory modes; the order makes parents first. */
const directories: readonly (readonly [path: string, mode: number])[] = [
  ['', 0o755],
  ['dev', 0o755],
  ['etc', 0o755],
  ['etc/ssl', 0o755],
  ['home', 0o755],
  ['home/user', 0o755],
  ['media', 0o755],
  ['mnt', 0o755],
  ['opt', 0o755],
  ['proc', 0o555],
  ['root', 0o700],
  ['run', 0o755],
  ['run/lock', 0o1777],
  ['srv', 0o755],
  ['sys', 0o555],
  ['tmp', 0o1777],
  ['var', 0o755],
  ['var/cache', 0o755],
  ['var/lib', 0o755],
  ['var/log', 0o755],
  ['var/tmp', 0o1777],
];

const links: readonly (readonly [path: string, target: string])[] = [
  ['etc/mtab', '../proc/self/mounts'],
  ['var/lock', '../run/lock'],
  ['var/run', '../run'],
];

/** The user of the image beside root; its name, home and id stand in the generated passwd too. */
const user = { id: 1000, home: 'home/user' };

/** Makes the `/` of the image host in a new directory. */
export async function buildSkeleton(root: string, host: SkeletonSource): Promise<void> {
  for (const [path, mode] of directories) await makeDirectory(join(root, path), mode);
  for (const name of host.layout.directories) await makeDirectory(join(root, name), 0o755);
  for (const { name, target } of host.layout.links) await symlink(target, join(root, name));
  for (const [path, target] of links) await symlink(target, join(root, path));
  await chown(join(root, user.home), user.id, user.id);
  await copyHostEtc(host.hostRoot, root);
  const shell = (await isThere(join(host.hostRoot, 'bin/bash'))) ? '/bin/bash' : '/bin/sh';
  for (const { path, content, mode } of skeletonFiles(shell, host.resolvers)) {
    await writeFile(join(root, path), content, { flag: 'wx' });
    await chmod(join(root, path), mode);
  }
}

/** chmod, because mkdir's mode goes through the umask. */
async function makeDirectory(path: string, mode: number): Promise<void> {
  await mkdir(path);
  await chmod(path, mode);
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
