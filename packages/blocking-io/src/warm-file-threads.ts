import { stat } from 'node:fs/promises';

let warm: Promise<void> | undefined;

/**
 * Has libuv start its threads, once for the process, from the thread that calls. They are born into the mount namespace of
 * whoever first uses asynchronous file access: were that a worker which has left the host's, `fs.promises` would show
 * its files everywhere from then on.
 */
export function warmFileThreads(): Promise<void> {
  warm ??= statOnEveryThread();
  return warm;
}

async function statOnEveryThread(): Promise<void> {
  const threads = Math.max(8, Math.min(1024, Number(process.env.UV_THREADPOOL_SIZE) || 0));
  await Promise.all(Array.from({ length: threads }, () => stat('/')));
}
