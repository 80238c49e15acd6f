import type { Sandbox, SandboxSpec } from '../types.ts';
import type { DoctorFinding } from './finding.ts';
import { tryOut } from './make-finding.ts';

/** What this check needs of a runtime. */
export interface SandboxMaker {
  /** As `Runtime.create`. */
  create(spec?: SandboxSpec, options?: { signal?: AbortSignal }): Promise<Sandbox>;
}

/** Runs a program in a real sandbox on the image `host`: the sum of all other checks, and what they may have missed. */
export async function trySandbox(runtime: SandboxMaker, signal: AbortSignal | undefined): Promise<DoctorFinding> {
  const options = signal === undefined ? {} : { signal };
  return await tryOut('sandbox', async () => {
    await using sandbox = await runtime.create({}, options);
    const result = await sandbox.run(['sh', '-c', 'echo "$((6*7))"'], { timeoutMs: 10_000, ...options });
    const output = result.stdout.toString();
    if (result.exitCode !== 0 || output !== '42\n')
      throw new Error(
        `sh ended with ${result.exitCode ?? result.signal} (${result.reason}) and wrote ${JSON.stringify(output)}`,
      );
    return 'a program ran in a sandbox on the image "host"';
  });
}
