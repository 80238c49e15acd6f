import type { Duplex } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { HatcheryError, type Sandbox } from '@hatchery/runtime';

/** A server that was started a moment ago may not listen yet. */
const retryDelaysMs = [100, 200, 300, 400];
/** For one whose server listens and takes no connection. */
const attemptMs = 10_000;

/** Connects to a port of a sandbox. Rejects with what the last attempt did, at once when the signal fires. */
export async function dial(sandbox: Sandbox, port: number, signal: AbortSignal): Promise<Duplex> {
  for (const delayMs of retryDelaysMs) {
    try {
      return await attempt(sandbox, port, signal);
    } catch (error) {
      if (!isRefused(error)) throw error;
    }
    await setTimeout(delayMs, undefined, { signal });
  }
  return await attempt(sandbox, port, signal);
}

function attempt(sandbox: Sandbox, port: number, signal: AbortSignal): Promise<Duplex> {
  return sandbox.connect(port, { signal: AbortSignal.any([signal, AbortSignal.timeout(attemptMs)]) });
}

function isRefused(error: unknown): boolean {
  return error instanceof HatcheryError && error.code === 'ERR_CONNECT_REFUSED';
}
