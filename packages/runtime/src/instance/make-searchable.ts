import { chmodSync, mkdirSync } from 'node:fs';

/** Makes a directory that a sandbox's mapped root can pass through but not list (0711), whatever the umask is. */
export function makeSearchable(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  try {
    chmodSync(directory, 0o711);
  } catch (error) {
    // Swept right after our mkdir; whoever uses it next notices.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
