import { closeFd, duplicateFd } from '@hatchery/linux';

/**
 * Throws `LinuxError` EMFILE unless so many descriptors more can be opened: those that an answer will bring. Of a message
 * whose descriptors find no room the kernel cuts them off, and then the connection is of no use any more.
 * @param fd any that is open
 */
export function requireRoom(fd: number, count: number): void {
  const opened: number[] = [];
  try {
    while (opened.length < count) opened.push(duplicateFd(fd));
  } finally {
    for (const copy of opened) closeFd(copy);
  }
}
