import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect } from 'vitest';
import { type ServeOptions, ServeProcess } from './serve-process.ts';

/** Starts one, and makes this process's clients use it. `HATCHERY_BASE_ROOT` is what `npm run base` has built. */
export async function startServe(options: ServeOptions = {}): Promise<ServeProcess> {
  const serve = await ServeProcess.start({ baseRoot: process.env['HATCHERY_BASE_ROOT'], ...options });
  Object.assign(process.env, serve.environment);
  return serve;
}

/** One server for a file's tests. Nothing of it is left afterwards. */
export function useServe(args: readonly string[] = []): () => ServeProcess {
  let serve: ServeProcess | null = null;
  beforeAll(async () => {
    serve = await startServe({ args: ['--on-exit', 'destroy', ...args] });
  });
  afterAll(async () => {
    if (serve === null) return;
    expect(await serve.stop()).toBe(0);
    rmSync(serve.directory, { recursive: true });
  });
  return () => {
    if (serve === null) throw new Error('the server has not been started');
    return serve;
  };
}
