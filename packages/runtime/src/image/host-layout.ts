import { lstat, readlink, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { HatcheryError } from '../errors.ts';

/** How the host's programs hang off its `/`. */
export interface HostLayout {
  /** Names of real directories to layer, `usr` first; more than one only where /bin and /usr/bin are not merged. */
  readonly directories: readonly string[];
  /** Names that are links into /usr, with their targets. */
  readonly links: readonly { readonly name: string; readonly target: string }[];
}

const programDirectories = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'];

/** Throws ERR_IMAGE_UNSUPPORTED on a host without /usr. */
export async function hostLayout(hostRoot: string): Promise<HostLayout> {
  const usr = await lstat(join(hostRoot, 'usr')).catch(() => null);
  if (!usr?.isDirectory()) {
    const text = `image host: ${join(hostRoot, 'usr')} is not a directory; use a root directory as image instead`;
    throw new HatcheryError('ERR_IMAGE_UNSUPPORTED', text, { step: 'resolve-image' });
  }
  const directories = ['usr'];
  const links: { name: string; target: string }[] = [];
  const kinds = await Promise.all(
    programDirectories.map(async (name) => ({ name, kind: await kindOf(hostRoot, name) })),
  );
  for (const { name, kind } of kinds) {
    if (kind === 'directory') directories.push(name);
    else if (kind !== null) links.push({ name, target: kind.target });
  }
  return { directories, links };
}

/** null: absent, or a link to where no layer is. */
async function kindOf(hostRoot: string, name: string): Promise<'directory' | { target: string } | null> {
  const path = join(hostRoot, name);
  const found = await lstat(path).catch(() => null);
  if (found?.isDirectory()) return 'directory';
  if (!found?.isSymbolicLink() || !(await leadsIntoUsr(hostRoot, path))) return null;
  return { target: await readlink(path) };
}

async function leadsIntoUsr(hostRoot: string, path: string): Promise<boolean> {
  const target = await realpath(path).catch(() => null);
  return target?.startsWith(`${join(await realpath(hostRoot), 'usr')}/`) ?? false;
}
