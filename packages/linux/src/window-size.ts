import { native } from './native-binding.ts';

/** Tells a terminal, by either of its ends, how large it is (ioctl_tty(2), TIOCSWINSZ); its foreground gets SIGWINCH. Throws `LinuxError`. */
export function setWindowSize(fd: number, size: { columns: number; rows: number }): void {
  native().setWindowSize(fd, size.columns, size.rows);
}
