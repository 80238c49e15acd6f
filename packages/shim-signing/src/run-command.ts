import { spawn } from 'node:child_process';

/** How a command ended. */
export interface CommandResult {
  /** Null when a signal ended it. */
  readonly code: number | null;
  /** What it wrote to stdout and stderr, for error messages. */
  readonly output: string;
}

/** Runs a command to its end and ends it when the signal fires. Rejects when it cannot be started. */
export type RunCommand = (
  command: string,
  commandArguments: readonly string[],
  options: { signal: AbortSignal },
) => Promise<CommandResult>;

export const runCommand: RunCommand = (command, commandArguments, { signal }) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, commandArguments, {
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
      killSignal: 'SIGKILL',
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
