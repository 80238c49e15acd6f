import { existsSync, mkdirSync, readdirSync, readFileSync, readSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { closeFd, currentDirectory, OpenFlag, openat2, watchPriority } from '@hatchery/linux';

/** Where cgroup v2 is mounted, also beside v1; null: nowhere. */
export function unifiedMount(): string | null {
  const line = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((text) => text.includes(' - cgroup2 '));
  return line?.split(' ')[4] ?? null;
}

/** A v2 directory of one test's own, with what is made in it. */
export class TestCgroup {
  readonly path: string;

  constructor(mount: string, name: string) {
    this.path = join(mount, name);
    mkdirSync(this.path);
  }

  make(name: string): string {
    mkdirSync(join(this.path, name));
    return join(this.path, name);
  }

  /** Kills what is left in `name` and below, waits for the kernel to say so, and removes it. */
  async end(name = ''): Promise<void> {
    const path = join(this.path, name);
    if (!existsSync(path)) return;
    writeFileSync(join(path, 'cgroup.kill'), '1');
    await unpopulated(path);
    removeTree(path);
  }
}

function removeTree(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(path, entry.name));
  rmdirSync(path);
}

/** Resolves when no process is left in a cgroup and below, by the event of cgroup.events. */
export async function unpopulated(path: string): Promise<void> {
  await cgroupSays(path, /^populated 0$/m);
}

/** Resolves when cgroup.events holds a line, by its event. */
export async function cgroupSays(path: string, line: RegExp): Promise<void> {
  const events = openat2(currentDirectory, join(path, 'cgroup.events'), { flags: OpenFlag.O_RDONLY });
  let changed = Promise.withResolvers<void>();
  const watch = watchPriority(events, () => changed.resolve());
  const bytes = Buffer.alloc(256);
  while (!line.test(bytes.toString('latin1', 0, readSync(events, bytes, 0, 256, 0)))) {
    await changed.promise;
    changed = Promise.withResolvers();
  }
  watch[Symbol.dispose]();
  closeFd(events);
}
