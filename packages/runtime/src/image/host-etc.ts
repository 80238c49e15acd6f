import { constants } from 'node:fs';
import { chmod, lstat, mkdir, open, readdir, readlink, realpath, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';

/**
 * All that is ever taken from the host's /etc: what its programs need to start and to trust the public web. Never
 * ssl/private. The pki and ca-certificates names are where other distributions keep what ssl/certs links to.
 */
export const copiedFromEtc: readonly string[] = [
  'alternatives',
  'ca-certificates.conf',
  'ca-certificates/extracted',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'mime.types',
  'os-release',
  'pki/ca-trust/extracted',
  'pki/tls/certs',
  'protocols',
  'services',
  'ssl/certs',
];

const maxFileBytes = 16 * 1024 * 1024;
/** Deeper than any of these trees is on a real host. */
const maxDepth = 6;
/** Files in flight: enough to hide the thread pool's latency, few enough to stay far from the fd limit. */
const width = 16;

/**
 * Copies those trees into the skeleton's /etc. A link is copied as a link or not at all, and never followed.
 * @param hostRoot a resolved path
 */
export async function copyHostEtc(hostRoot: string, skeleton: string): Promise<void> {
  const etc = join(hostRoot, 'etc');
  for (const name of copiedFromEtc) {
    // A link on the way down (/etc/ssl, say) would lead the copy somewhere that is not listed.
    const parent = join(etc, dirname(name));
    if ((await realpath(parent).catch(() => null)) !== parent) continue;
    if ((await lstat(join(etc, name)).catch(() => null)) === null) continue;
    await makeParents(skeleton, join('etc', name));
    await copyEntry(hostRoot, skeleton, join('etc', name), 0);
  }
}

async function makeParents(skeleton: string, path: string): Promise<void> {
  const parts = dirname(path).split(sep);
  for (let length = 1; length <= parts.length; length++) await makeDirectory(join(skeleton, ...parts.slice(0, length)));
}

/** chmod, because mkdir's mode goes through the umask. */
async function makeDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  await chmod(path, 0o755);
}

async function copyEntry(hostRoot: string, skeleton: string, path: string, depth: number): Promise<void> {
  const source = join(hostRoot, path);
  const target = join(skeleton, path);
  const found = await lstat(source).catch(() => null);
  if (found === null) return;
  // Its owner hid it from other users of the host; a sandbox is less than they are.
  const isPublic = (found.mode & 0o004) !== 0;
  if (found.isSymbolicLink()) await copyLink(source, target, `/${path}`);
  if (found.isFile() && isPublic) await copyFile(source, target);
  if (!found.isDirectory() || !isPublic || depth >= maxDepth) return;
  await makeDirectory(target);
  const names = await readdir(source);
  for (let start = 0; start < names.length; start += width) {
    const batch = names.slice(start, start + width);
    await Promise.all(batch.map((name) => copyEntry(hostRoot, skeleton, join(path, name), depth + 1)));
  }
}

/** Inside a sandbox a link can only lead to the sandbox's own files; the check keeps host path names out. */
async function copyLink(source: string, target: string, path: string): Promise<void> {
  const text = await readlink(source);
  const leadsTo = resolve(dirname(path), text);
  const allowed = ['/usr', ...copiedFromEtc.map((name) => join('/etc', name))];
  if (!allowed.some((root) => leadsTo === root || leadsTo.startsWith(root + sep))) return;
  await symlink(text, target);
}

/** O_NOFOLLOW and the check on the open file: what was looked at is what is copied. */
async function copyFile(source: string, target: string): Promise<void> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
  const file = await open(source, flags);
  try {
    const found = await file.stat();
    if (!found.isFile() || (found.mode & 0o004) === 0 || found.size > maxFileBytes) return;
    await writeFile(target, await file.readFile(), { flag: 'wx', mode: 0o644 });
    await chmod(target, 0o644);
  } finally {
    await file.close();
  }
}
