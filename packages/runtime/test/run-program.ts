import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Starts a program of ours with its arguments; `wrapper` goes before node (`unshare -m …`). */
export function startProgram(program: URL, args: readonly string[], wrapper: readonly string[] = []): ChildProcess {
  const node = [process.execPath, '--conditions=@hatchery/source', fileURLToPath(program), ...args];
  const [command = '', ...rest] = [...wrapper, ...node];
  return spawn(command, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** Lines that it prints, as they come. */
export function linesOf(child: ChildProcess): AsyncIterator<string> {
  if (child.stdout === null) throw new Error('its output is not piped');
  return createInterface({ input: child.stdout })[Symbol.asyncIterator]();
}

export async function nextLine(lines: AsyncIterator<string>): Promise<string> {
  const { value, done } = await lines.next();
  if (done === true) throw new Error('the program ended without a line');
  return value;
}

/** Resolves with its exit code and all of its output. */
export function ended(child: ChildProcess): Promise<{ code: number | null; signal: string | null; output: string }> {
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, output }));
  });
}
