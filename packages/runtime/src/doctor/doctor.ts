import { shimPath } from '@hatchery/zygote-ipc';
import { diagnoseHost } from './diagnose-host.ts';
import type { DoctorFinding } from './finding.ts';
import { missing } from './make-finding.ts';
import { type SandboxMaker, trySandbox } from './try-sandbox.ts';

/** Where to try things out. */
export interface DoctorOptions {
  /** Default `/run/hatchery`. */
  runDirectory?: string;
  /** Default `/var/lib/hatchery`. */
  dataDirectory?: string;
  /** As in `RuntimeOptions`. */
  developmentKey?: string | undefined;
  /** The runtime to try a sandbox with, or how to open one, which is closed afterwards. */
  runtime: SandboxMaker | (() => Promise<SandboxMaker & AsyncDisposable>);
  /** Aborting ends the probes and rejects with its reason. */
  signal?: AbortSignal | undefined;
}

/**
 * Tries out what this host lets hatchery do, ending with a real sandbox. Unlike `Runtime.doctor()` it also works where no
 * runtime can be opened, which is where it is wanted most. A check that fails is a finding; the only error is the
 * signal's reason.
 */
export async function doctor(options: DoctorOptions): Promise<DoctorFinding[]> {
  const {
    runDirectory = '/run/hatchery',
    dataDirectory = '/var/lib/hatchery',
    developmentKey,
    runtime,
    signal,
  } = options;
  const findings = await diagnoseHost({ runDirectory, dataDirectory, shimPath: shimPath(), developmentKey, signal });
  const sandbox = await (typeof runtime === 'function' ? openAndTry(runtime, signal) : trySandbox(runtime, signal));
  signal?.throwIfAborted();
  return [...findings, sandbox];
}

async function openAndTry(
  open: () => Promise<SandboxMaker & AsyncDisposable>,
  signal: AbortSignal | undefined,
): Promise<DoctorFinding> {
  try {
    await using runtime = await open();
    return await trySandbox(runtime, signal);
  } catch (error) {
    return missing('sandbox', error instanceof Error ? error.message : String(error));
  }
}
