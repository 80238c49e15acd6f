import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BlockingPool } from '@hatchery/blocking-io';
import { formatRecord, readRecordFile, type SandboxRecord } from '../instance/record.ts';
import { recordName } from '../instance/sandbox-directory.ts';
import { writeAtomically } from '../instance/write-atomically.ts';
import { inSection } from '../loop-delay/section.ts';

const imageName = 'root.img';
/** Its last mount may be going; and whoever looks for a free loop device holds one for an instant. */
const mountWaitMs = 5000;

/**
 * The roots on disk of one instance: `<data directory>/sandboxes/<instance>/<id>/` with the root as an image of a
 * filesystem, whose size is the limit, and a record. Unlike those of the run directory its records are fsynced: they and
 * the images are what a reboot leaves.
 */
export class DiskRoots {
  readonly #directory: string;
  readonly #workers: BlockingPool;

  constructor(dataDirectory: string, instanceName: string, workers: BlockingPool) {
    this.#directory = join(dataDirectory, 'sandboxes', instanceName);
    this.#workers = workers;
  }

  directoryOf(id: string): string {
    return join(this.#directory, id);
  }

  /** Those that have a directory here. */
  ids(): string[] {
    try {
      return readdirSync(this.#directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  /** null: it has none. Throws ERR_SANDBOX_LOST. */
  read(id: string): SandboxRecord | null {
    return readRecordFile(join(this.directoryOf(id), recordName), id);
  }

  /** Makes an empty root of so many bytes. */
  async make(intent: SandboxRecord): Promise<void> {
    // Only root reads what all its users wrote: ids in the image begin at 0.
    mkdirSync(this.directoryOf(intent.id), { recursive: true, mode: 0o700 });
    this.save(intent);
    const path = join(this.directoryOf(intent.id), imageName);
    await this.#workers.run('makeDiskImage', { path, bytes: intent.spec.limits.rootBytes });
  }

  /** A mount of it that is attached nowhere; the descriptor is the caller's, and the last one closed lets go of it. */
  async mount(id: string): Promise<number> {
    const { fd } = await this.#workers.run('mountDiskImage', {
      path: join(this.directoryOf(id), imageName),
      waitMs: mountWaitMs,
    });
    return fd;
  }

  /** What the next boot reads. */
  save(record: SandboxRecord): void {
    const directory = this.directoryOf(record.id);
    const path = join(directory, recordName);
    inSection('record of a root on disk', () => {
      writeAtomically(path, formatRecord(record));
      for (const synced of [path, directory, dirname(directory)]) sync(synced);
    });
  }

  /** Its processes are gone and its filesystem is unmounted: everything is on the disk when this resolves. */
  async stopped(record: SandboxRecord): Promise<void> {
    this.save(record);
    await this.#workers.run('syncFileSystem', { path: this.directoryOf(record.id) });
  }

  async remove(id: string): Promise<void> {
    await this.#workers.run('removeTree', { directory: this.#directory, name: id });
  }

  /** Once nothing is left; of an instance that is not used again. */
  removeEmpty(): void {
    try {
      rmdirSync(this.#directory);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTEMPTY') throw error;
    }
  }
}

function sync(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
