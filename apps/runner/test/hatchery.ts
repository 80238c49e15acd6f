import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** How the command line is started from its sources. */
export const commandLine: readonly [string, ...string[]] = [process.execPath, '--conditions=@hatchery/source', main];

/** The same for a shell's text. */
export const shellCommand: string = commandLine.map((word) => `'${word}'`).join(' ');

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: Buffer;
  stderr: string;
}

export interface StartOptions {
  env?: NodeJS.ProcessEnv;
  uid?: number;
}

/** Starts the real command line with pipes. A test that fails half-way leaves none running. */
export function start(args: readonly string[], options: StartOptions = {}): ChildProcessWithoutNullStreams {
  const [node, ...nodeArgs] = commandLine;
  const { uid } = options;
  const child = spawn(node, [...nodeArgs, ...args], uid === undefined ? { ...options } : { ...options, gid: uid });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    // The first is the program's to ignore, the second is not.
    child.kill('SIGINT');
    child.kill('SIGTERM');
    await ended;
  });
  return child;
}

/** Waits for the end of a command line and of its output. */
export async function finish(child: ChildProcessWithoutNullStreams): Promise<Finished> {
  const ended = new Promise<Pick<Finished, 'code' | 'signal'>>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve({ code, signal }));
  });
  const [status, stdout, stderr] = await Promise.all([ended, buffer(child.stdout), buffer(child.stderr)]);
  return { ...status, stdout, stderr: stderr.toString() };
}

/** Runs the command line to its end, with `input` (nothing if left out) as its standard input. */
export async function hatchery(
  args: readonly string[],
  options: StartOptions & { input?: string | Buffer } = {},
): Promise<Finished> {
  const { input, ...startOptions } = options;
  const child = start(args, startOptions);
  child.stdin.on('error', () => {}); // a command that does not read its input is no failure of the test
  child.stdin.end(input);
  return await finish(child);
}

/** Resolves with what a stream has carried once this text is in it. */
export async function sees(stream: NodeJS.ReadableStream, text: string): Promise<string> {
  let seen = '';
  await new Promise<void>((resolve, reject) => {
    stream.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
      if (seen.includes(text)) resolve();
    });
    stream.on('end', () =>
      reject(new Error(`the stream ended without ${JSON.stringify(text)}: ${JSON.stringify(seen)}`)),
    );
  });
  return seen;
}
