import { native } from './native-binding.ts';

/**
 * The names in an open directory that follow `after` next in the order of their bytes, at most `limit` (1 to 100,000) of
 * them. The directory is read through at each call, within memory that its size does not change; a name may come twice when
 * others come and go meanwhile. Throws `LinuxError`.
 */
export function listNames(directoryFd: number, after: Buffer | null, limit: number): Buffer[] {
  return splitAtNul(native().listNames(directoryFd, after, limit));
}

/** The parts of what has a NUL behind each part. */
export function splitAtNul(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0, start);
    parts.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return parts;
}
