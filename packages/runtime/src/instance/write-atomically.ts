import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';

/**
 * Replaces a small file so that a reader sees the old or the new content, never a part. Not fsynced: a killed process
 * keeps the page cache, and after a reboot the run directory is worthless anyway. One writer a path (the instance's
 * lock holder), so the temporary name needs no more than a suffix, and a crash leaves at most one.
 */
export function writeAtomically(path: string, content: string): void {
  const temporary = `${path}.new`;
  // A name left by a crash could be somebody's odd file type; wx makes ours.
  rmSync(temporary, { force: true });
  const fd = openSync(temporary, 'wx', 0o600);
  try {
    const bytes = Buffer.from(content);
    for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
}
