import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const busyboxPaths = ['/bin/busybox', '/usr/bin/busybox'];
const directories = ['bin', 'dev', 'etc', 'proc', 'root', 'run', 'sys', 'tmp', 'usr'];

/** Where one run of the bench lives: native programs, the root all contestants share, a place for their state. Removed at the end. */
export class Site implements AsyncDisposable {
  readonly directory: string;
  readonly root: string;

  private constructor(directory: string) {
    this.directory = directory;
    this.root = path.join(directory, 'root');
  }

  static async make(): Promise<Site> {
    const site = new Site(await mkdtemp(path.join(tmpdir(), 'hatchery-bench-')));
    try {
      // Sandboxes look at it as a mapped user who is nobody here.
      await chmod(site.directory, 0o755);
      await run('sh', [path.join(import.meta.dirname, 'native/build.sh'), site.directory]);
      await site.#fillRoot();
      return site;
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
  }

  program(name: 'raw' | 'launch'): string {
    return path.join(this.directory, name);
  }

  /** An empty directory of its own for a contestant. */
  async place(name: string): Promise<string> {
    const place = path.join(this.directory, `place-${name}`);
    await mkdir(place, { recursive: true });
    return place;
  }

  /** Unique on the machine, so that two benches side by side do not meet in a cgroup. */
  uniqueName(name: string): string {
    return `${path.basename(this.directory)}-${name}`;
  }

  async #fillRoot(): Promise<void> {
    for (const name of directories) await mkdir(path.join(this.root, name), { recursive: true, mode: 0o755 });
    for (const name of ['tiny', 'byte', 'hold']) {
      await copyFile(path.join(this.directory, name), path.join(this.root, 'bin', name));
    }
    await this.#copyBusybox();
    await writeFile(path.join(this.root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/busybox\n');
    await writeFile(path.join(this.root, 'etc/group'), 'root:x:0:\n');
  }

  async #copyBusybox(): Promise<void> {
    for (const busybox of busyboxPaths) {
      const copied = await copyFile(busybox, path.join(this.root, 'bin/busybox')).then(
        () => true,
        () => false,
      );
      if (copied) return;
    }
    throw new Error(`no static busybox at ${busyboxPaths.join(' or ')}: apt-get install busybox-static`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}
