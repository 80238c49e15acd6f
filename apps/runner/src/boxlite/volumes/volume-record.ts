import { existsSync, readFileSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { CliError } from '../../cli-error.ts';
import { isVolumeName, type Volume } from './volume.ts';

const fileName = 'volume.json';

/** Makes the directory of a volume, whole and synced. In Node’s own threads: a disk may take its time. */
export async function makeVolumeDirectory(
  directory: string,
  { name, createdAt }: Pick<Volume, 'name' | 'createdAt'>,
): Promise<void> {
  await mkdir(directory, { mode: 0o700 });
  const files = join(directory, 'files');
  await mkdir(files);
  await withOpen(files, 'r', async (opened) => {
    // For whichever user a box's programs are; of this host nobody comes here.
    await opened.chmod(0o777);
    await opened.sync();
  });
  await withOpen(join(directory, fileName), 'wx', async (opened) => {
    await opened.writeFile(`${JSON.stringify({ version: 1, name, createdAt })}\n`);
    await opened.sync();
  });
  await syncNames(directory);
}

/** Makes names that were made, renamed or removed in a directory outlive a power cut. */
export async function syncNames(directory: string): Promise<void> {
  await withOpen(directory, 'r', (opened) => opened.sync());
}

/** undefined: there is none. Throws ERR_VOLUMES_UNREADABLE. */
export function readVolume(id: string, directory: string): Volume | undefined {
  const path = join(directory, fileName);
  try {
    const { version, name, createdAt } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    const at = new Date(typeof createdAt === 'string' ? createdAt : Number.NaN);
    const isKnown = version === 1 && typeof name === 'string' && (name === id || isVolumeName(name));
    if (!isKnown || Number.isNaN(at.getTime())) throw new Error('fields of it are missing or wrong');
    return { id, name, createdAt: at, directory: join(directory, 'files') };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && !existsSync(directory)) return undefined;
    const why = error instanceof Error ? error.message : String(error);
    const text = `read of the volume in ${path}: ${why}; put back a copy of it, or move its directory away`;
    throw new CliError('ERR_VOLUMES_UNREADABLE', text);
  }
}

type Opened = Awaited<ReturnType<typeof open>>;

async function withOpen(path: string, flags: 'r' | 'wx', act: (opened: Opened) => Promise<void>): Promise<void> {
  const opened = await open(path, flags, 0o600);
  try {
    await act(opened);
  } finally {
    await opened.close();
  }
}
