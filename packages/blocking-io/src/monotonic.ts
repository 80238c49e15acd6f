/** Milliseconds of the kernel's monotonic clock: the same in every thread, which `performance.now()` is not. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
