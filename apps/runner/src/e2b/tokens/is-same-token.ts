import { createHash, timingSafeEqual } from 'node:crypto';

/** In a time that tells nothing of either: digests are compared, so that lengths do not matter. */
export function isSameToken(given: string, wanted: string): boolean {
  return timingSafeEqual(digest(given), digest(wanted));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
