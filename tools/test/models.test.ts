import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, test } from 'vitest';
import { checkModel, isSpinInstalled } from '../check-models.ts';

const exitModel = fileURLToPath(new URL('../../docs/models/exit.pml', import.meta.url));
const timeoutMs = 120_000;

beforeEach((context) => {
  if (!isSpinInstalled()) context.skip('spin is not installed (apt-get install spin)');
});

// Mutations: those of the model, below; each takes one precaution away.
test(
  'inv-8, inv-9, inv-11, inv-13, inv-17: in every run of the exit protocol the exit is published once, last and true',
  () => {
    const { states, error, unreached, run } = checkModel(exitModel);
    expect(error, run).toBeNull();
    expect(unreached).toEqual([]);
    // Far fewer would mean that the model does not get anywhere.
    expect(states).toBeGreaterThan(100_000);
  },
  timeoutMs,
);

const stuck = /acceptance cycle/;
const mutations: readonly (readonly [name: string, what: string, found: RegExp])[] = [
  ['NO_CLAIM', 'a forced exit beside the natural one', /published|exitSent/],
  ['NO_TARGET', 'an exit before the last byte', /pipe/],
  ['LOST_UNCONFIRMED', 'a broken connection taken for a death', /allDead/],
  ['FORCED_EARLY', 'a kill taken for a death', /allDead/],
  ['END_UNREAD', 'a reason made up although the exit was told', /exitSent/],
  ['FORGET_EARLY', 'an exit forgotten before it was acknowledged', stuck],
  ['TELL_ONCE', 'an exit not told again on a new connection', stuck],
  ['ACK_ONCE', 'an exit told again that is not acknowledged again', stuck],
  ['NO_EPOCH', 'an older runner that is let in', stuck],
];

test.for(mutations)('%s: the model finds %s', { timeout: timeoutMs }, ([name, , found]) => {
  expect(checkModel(exitModel, name).error).toMatch(found);
});

test('no mutation of the model is left out here', () => {
  const [, list = ''] = readFileSync(exitModel, 'utf8').split(/-DMUTATE=|#ifndef MUTATE/);
  const inModel = [...list.matchAll(/^#define (\w+)/gm)].map(([, name]) => name);
  expect(new Set(mutations.map(([name]) => name))).toEqual(new Set(inModel));
});

test(
  'a statement of a model that no run reaches is told, with its line',
  () => {
    const directory = mkdtempSync(join(tmpdir(), 'hatchery-models-test-'));
    const file = join(directory, 'dead.pml');
    try {
      writeFileSync(file, 'byte x;\nactive proctype P() {\n  if\n  :: x == 0\n  :: x == 1 -> x = 7\n  fi\n}\n');
      const { error, unreached } = checkModel(file);
      expect(error).toBeNull();
      expect(unreached).toEqual([expect.stringMatching(/^dead\.pml:5, state \d+, "x = 7"$/)]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
  timeoutMs,
);
