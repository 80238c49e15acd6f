import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Ended } from '@hatchery/linux';
import { buildShim } from '../kernel/build-shim.ts';

/** What a teardown did, in one form for both implementations. */
export interface Outcome {
  /** null: it did not get past killing. */
  readonly ended: Ended | null;
  /** null: nothing of the sandbox is left. */
  readonly failed: { readonly step: string; readonly text: string } | null;
}

export interface TeardownOptions {
  readonly waitMs?: number;
  /** A command that runs the teardown, with its arguments. */
  readonly under?: readonly string[];
}

/** A sandbox's directory in, what happened out. */
export type Implementation = (directory: string, options?: TeardownOptions) => Promise<Outcome>;

/** What a process said and how it ended. */
export async function run(argv: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const [command = '', ...rest] = argv;
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close') as Promise<[number | null]>;
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code, stdout, stderr };
}

const addon: Implementation = async (directory, { waitMs = 10_000, under = [] } = {}) => {
  const script = join(import.meta.dirname, 'run-addon.ts');
  const node = [process.execPath, '--conditions=@hatchery/source', script];
  const { stdout, stderr } = await run([...under, ...node, directory, String(waitMs)]);
  if (stdout === '') throw new Error(`the addon's teardown said nothing but: ${stderr}`);
  return JSON.parse(stdout) as Outcome;
};

/** The arguments of the shim's mode `delete` for a sandbox's directory. */
export function deleteArguments(directory: string): string[] {
  const instance = dirname(dirname(directory));
  const runDirectory = dirname(dirname(instance));
  return ['delete', '--run-directory', runDirectory, '--instance', basename(instance), '--id', basename(directory)];
}

const shim: Implementation = async (directory, { waitMs = 10_000, under = [] } = {}) => {
  const argv = [...under, buildShim('hatchery-shim-asan'), ...deleteArguments(directory), '--wait-ms', String(waitMs)];
  const { code, stdout, stderr } = await run(argv);
  const alive = /^alive (\d+)(?:: pids (\d+(?:, \d+)*))?/m.exec(stdout);
  const pids = alive?.[2]?.split(', ').map(Number) ?? [];
  const ended = /^(ended|nothing there|removed):/m.test(stdout) ? { alive: Number(alive?.[1] ?? 0), pids } : null;
  const [, step, said] = /^hatchery-shim delete: ([^:]+): (.*)$/m.exec(stderr) ?? [];
  if (code !== 0 && (step === undefined || said === undefined)) throw new Error(`exit ${code}: ${stderr}`);
  return { ended, failed: code === 0 ? null : { step: step ?? '', text: said ?? '' } };
};

/** The one routine, as runners call it and as it is called by hand; the second with the sanitizers in. */
export const implementations: readonly (readonly [name: string, tearDown: Implementation])[] = [
  ['the addon', addon],
  ['the shim’s delete', shim],
];
