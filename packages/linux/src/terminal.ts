import { native } from './native-binding.ts';

/** Tells a terminal, by either of its ends, how large it is (ioctl_tty(2), TIOCSWINSZ); its foreground gets SIGWINCH. Throws `LinuxError`. */
export function setWindowSize(fd: number, size: { columns: number; rows: number }): void {
  native().setWindowSize(fd, size.columns, size.rows);
}

/**
 * Makes a terminal raw (cfmakeraw(3)): keys come as they are, without echo, and output goes out as it is, which Node's
 * `setRawMode` does not do. Returns what undoes it. Throws `LinuxError`: ENOTTY.
 */
export function makeTerminalRaw(fd: number): () => void {
  const settings = native().makeTerminalRaw(fd);
  return () => native().restoreTerminal(fd, settings);
}
