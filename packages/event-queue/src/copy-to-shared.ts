/** Below so many bytes the call of the native copy costs more than the copy. */
const NATIVE_FROM_BYTES = 512;
const nativeCopy = Buffer.prototype.copy;

/**
 * Copies `source[from..to)` to `target[at...]`. `set` into shared memory goes word by word, and byte by byte from a source
 * that is not aligned to 8; `Buffer.copy` is a memcpy, two to ten times faster, except that Node gives a whole array
 * to `set` again: so the last byte goes on its own.
 */
export function copyToShared(
  target: Buffer<SharedArrayBuffer>,
  at: number,
  source: Uint8Array,
  from: number,
  to: number,
): void {
  const size = to - from;
  if (size < NATIVE_FROM_BYTES) {
    target.set(size === source.length ? source : source.subarray(from, to), at);
    return;
  }
  nativeCopy.call(source, target, at, from, to - 1);
  target[at + size - 1] = source[to - 1] as number;
}
