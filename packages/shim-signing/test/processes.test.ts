import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { type InstallOptions, installShim, verifyShim } from '../src/index.ts';
import { ours, requirements, signed, target, temporaryDirectory, version, written } from './signed-files.ts';

const program = fileURLToPath(new URL('programs/installer.ts', import.meta.url));
const run = promisify(execFile);

/** Points of death that are tried side by side. */
const atOnce = 4;

/** Installs in a process of its own; the digest that it printed, or null when it was killed at its `killAt`-th call. */
async function installInProcess(options: InstallOptions, killAt: number = 0): Promise<string | null> {
  const env = { ...process.env, KILL_AT: String(killAt) };
  try {
    return (await run(process.execPath, [program, JSON.stringify(options)], { env })).stdout;
  } catch (error) {
    if ((error as { signal?: string }).signal === 'SIGKILL') return null;
    throw error;
  }
}

function optionsFor(directory: string, bytes: Uint8Array): InstallOptions {
  return { candidates: [written(bytes)], directory, target, version, keys: [ours.publicKey] };
}

/** A reader's view: the bytes at the place when they are whole and signed; throws when they are anything else. */
function readPlace(directory: string): Buffer | null {
  const place = join(directory, 'hatchery-shim');
  if (!existsSync(place)) return null;
  const bytes = readFileSync(place);
  verifyShim(bytes, requirements, place);
  return bytes;
}

// Mutation: the private name is `.${name}.new` for everybody.
test('inv-51: sixteen installers at once all succeed, and leave one file', { timeout: 60_000 }, async () => {
  const directory = join(temporaryDirectory(), 'not/yet/there');
  const options = optionsFor(directory, signed());
  const digests = await Promise.all(Array.from({ length: 16 }, () => installInProcess(options)));
  expect(new Set(digests).size).toBe(1);
  expect(readdirSync(directory)).toEqual(['hatchery-shim']);
  expect(readPlace(directory)?.equals(readFileSync(options.candidates[0] ?? ''))).toBe(true);
});

// Mutation: putInPlace() writes the file at the place itself instead of renaming.
test('inv-51: a reader sees one whole file or the other while they replace each other', {
  timeout: 60_000,
}, async () => {
  const directory = temporaryDirectory();
  const both = [optionsFor(directory, signed()), optionsFor(directory, signed())];
  const installing = { goesOn: true };
  const installers = Array.from({ length: 12 }, (_, index) => installInProcess(both[index % 2] as InstallOptions));
  const done = Promise.all(installers).finally(() => {
    installing.goesOn = false;
  });
  let seen = 0;
  while (installing.goesOn) {
    if (readPlace(directory) !== null) seen += 1;
    await new Promise(setImmediate);
  }
  await done;
  expect(seen).toBeGreaterThan(0);
});

// Mutations: the private file is renamed before it is written; the write goes to the place itself.
test('inv-51: an installer killed at any of its steps leaves the old file or the new one', {
  timeout: 120_000,
}, async () => {
  const [old, next] = [signed(), signed()];
  const outcomes: string[] = [];
  for (const before of [null, old]) {
    const killed = async (killAt: number): Promise<boolean> => {
      const directory = join(temporaryDirectory(), 'bin');
      if (before !== null) await installShim(optionsFor(directory, before));
      const wasKilled = (await installInProcess(optionsFor(directory, next), killAt)) === null;
      const found = readPlace(directory);
      outcomes.push(found === null ? 'nothing' : found.equals(next) ? 'new' : 'old');
      if (before !== null) expect(found, `killed at call ${killAt}`).not.toBeNull();
      // Whatever it left, the next one comes through.
      await installShim(optionsFor(directory, next));
      expect(readPlace(directory)?.equals(next), `after a kill at call ${killAt}`).toBe(true);
      return wasKilled;
    };
    for (let first = 1; ; first += atOnce) {
      const points = Array.from({ length: atOnce }, (_, index) => killed(first + index));
      if ((await Promise.all(points)).includes(false)) break;
    }
  }
  expect([...new Set(outcomes)].toSorted()).toEqual(['new', 'nothing', 'old']);
  // So that a change which skips the counting does not pass unseen.
  expect(outcomes.length).toBeGreaterThan(30);
});
