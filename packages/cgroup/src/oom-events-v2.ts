import { closeSync } from 'node:fs';
import { watchPriority } from '@hatchery/linux';
import type { CgroupDirectory } from './cgroup-directory.ts';

/** Calls `onEvent` when a count in the group's memory.events has risen, which the kernel tells at most every 10 ms. */
export function onOom(base: CgroupDirectory, name: string, onEvent: () => void): Disposable {
  const fd = base.open(`${name}/memory.events`);
  try {
    const watch = watchPriority(fd, onEvent);
    watch.unref();
    return watch;
  } finally {
    // The watch holds a duplicate.
    closeSync(fd);
  }
}
