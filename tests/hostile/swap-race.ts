import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Sandbox } from '@hatchery/runtime';
import { outsideOf } from './outside.ts';
import { parseAnswers } from './probe.ts';
import type { RacedFiles } from './raced-files.ts';
import { arena, attempts, hostContent, type RaceOperation } from './swap-attempts.ts';

export interface Race {
  readonly sandbox: Sandbox;
  readonly files: RacedFiles;
  readonly operation: RaceOperation;
  /** Of a directory and a link, a file and a link, and a directory and a link one deeper, in turns. */
  readonly swaps: number;
  /** A directory of the host, made here, that the links lead to. */
  readonly outside: string;
  /** A number from 0 to less than 1. Default Math.random. */
  readonly random?: () => number;
  /** Stop at the first escape. */
  readonly untilEscape?: boolean;
}

export interface RaceResult {
  readonly swaps: number;
  readonly calls: number;
  /** How often the link was met, as far as an error tells it, by the error's code. */
  readonly errors: Readonly<Record<string, number>>;
  /** What was read, listed, watched or changed outside. */
  readonly escapes: readonly string[];
}

/** Calls at a time: the next one is on its way while the worker runs one. */
const inFlight = 4;

function makeOutside(directory: string): void {
  mkdirSync(join(directory, 'sub'), { recursive: true });
  for (const name of ['f', 'a', 'canary', 'sub/g']) writeFileSync(join(directory, name), hostContent);
}

/** Calls one operation of a files API for as long as a program in the sandbox exchanges what the paths lead through. */
export async function raceSwaps(race: Race): Promise<RaceResult> {
  const { sandbox, files, operation, swaps, outside, random = Math.random, untilEscape = false } = race;
  makeOutside(outside);
  const before = outsideOf(outside);
  const ways = attempts[operation];
  // The thread that serves the calls is there before the race begins.
  await files.list('/');
  const swapper = await sandbox.exec(['/sp', 'swap', arena, outside, String(swaps)]);
  const said: Buffer[] = [];
  swapper.stdout.on('data', (data: Buffer) => said.push(data));
  await once(swapper.stdout, 'data');
  const escapes: string[] = [];
  const errors: Record<string, number> = {};
  let calls = 0;
  let ended = false;
  const exit = swapper.wait().finally(() => {
    ended = true;
  });
  const isOver = (): boolean => ended || (untilEscape && escapes.length > 0);
  const call = async (): Promise<void> => {
    while (!isOver()) {
      calls += 1;
      const attempt = ways[Math.floor(random() * ways.length)];
      const escape = await attempt?.(files, outside).catch((error: unknown) => {
        const name = files.errorName(error);
        errors[name] = (errors[name] ?? 0) + 1;
        return null;
      });
      if (typeof escape === 'string') escapes.push(escape);
      // Calls that fail at once would keep the exit of the swapper from being seen.
      await nextTurn();
      if (untilEscape && outsideOf(outside) !== before) escapes.push(`${operation}: the host's directory was changed`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, call));
  if (!ended) await swapper.kill();
  const { exitCode } = await exit;
  if (outsideOf(outside) !== before) escapes.push(`${operation}: the host's directory was changed`);
  const done = Number(parseAnswers(Buffer.concat(said).toString()).get('swap')?.detail);
  if (!untilEscape && exitCode !== 0)
    throw new Error(`sp swap ended with ${exitCode} after "${Buffer.concat(said).toString()}"`);
  return { swaps: done, calls, errors, escapes };
}
