import type { Runtime } from '@hatchery/runtime';

/** What a visitor sends. */
export interface CodeRequest {
  readonly language: 'python' | 'shell';
  readonly code: string;
}

/** What a visitor gets. */
export interface CodeResult {
  readonly exitCode: number | null;
  /** `exited`, `timeout`, `out-of-memory`, … */
  readonly reason: string;
  readonly stdout: string;
  readonly stderr: string;
}

const interpreters: Readonly<Record<CodeRequest['language'], readonly [string, ...string[]]>> = {
  python: ['python3', '-'],
  shell: ['sh', '-s'],
};
const limits = { memoryBytes: 128 * 2 ** 20, cpus: 0.5, pids: 64 };

/** Runs one program in a sandbox of its own, of which nothing is left afterwards. */
export async function runCode(
  runtime: Runtime,
  { language, code }: CodeRequest,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<CodeResult> {
  await using sandbox = await runtime.create({ limits }, { signal });
  const result = await sandbox.run(interpreters[language], {
    user: 'user',
    input: code,
    timeoutMs,
    maxOutputBytes: 2 ** 20,
    signal,
  });
  return {
    exitCode: result.exitCode,
    reason: result.reason,
    stdout: result.stdout.toString(),
    stderr: result.stderr.toString(),
  };
}
