import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';

/** A filesystem of its own, for a volume say; who writes there while it is frozen hangs in the kernel, deaf to every signal. */
export function makeFreezable(parent: string, name: string): { directory: string; freeze(): void; thaw(): void } {
  const directory = join(parent, name);
  const image = `${directory}.img`;
  mkdirSync(directory);
  execFileSync('mkfs.ext4', ['-q', image, '16M']);
  execFileSync('mount', ['-o', 'loop', image, directory]);
  execFileSync('chmod', ['777', directory]);
  let isFrozen = false;
  const change = (flag: '--freeze' | '--unfreeze'): void => {
    execFileSync('fsfreeze', [flag, directory]);
    isFrozen = flag === '--freeze';
  };
  const thaw = (): void => {
    if (isFrozen) change('--unfreeze');
  };
  onTestFinished(() => {
    thaw();
    execFileSync('umount', [directory]);
  });
  return { directory, freeze: () => change('--freeze'), thaw };
}

/** Resolves once so many threads of this process have been waiting in the kernel, deaf to signals, for a while. */
export async function threadsHang(count: number): Promise<void> {
  let seen: string[] = [];
  let times = 0;
  const isHanging = (): boolean => {
    const now = readdirSync('/proc/self/task').filter((thread) => / D /.test(statOf(thread)));
    const still = seen.filter((thread) => now.includes(thread));
    times = still.length >= count ? times + 1 : 0;
    seen = still.length >= count ? still : now;
    return times >= 3;
  };
  await vi.waitUntil(isHanging, { timeout: 10_000 });
}

/** Of a thread that may be gone by now. */
function statOf(thread: string): string {
  try {
    return readFileSync(`/proc/self/task/${thread}/stat`, 'latin1');
  } catch {
    return '';
  }
}
