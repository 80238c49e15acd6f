import { parseArgs } from 'node:util';

import { contestants } from './contestants/all.ts';
import type { Contestant } from './contestants/contestant.ts';
import { operations } from './operations/all.ts';
import type { Operation } from './operations/operation.ts';

/** Below this a run is a look, not a result. */
const wholeRounds = 50;
/** The page says how many there were, and by its command who was left out. */
const readmeRounds = 20;

export const usage: string = `usage: npm run bench -- [options]
  --rounds N           rounds a row (${wholeRounds})
  --only OP,OP         of ${operations.map(({ name }) => name).join(', ')}
  --contestants A,B    of ${contestants.map(({ name }) => name).join(', ')}
  --readme             put the figures into README.md and docs/speed.md
  --last               show the last whole run instead of measuring
A run that leaves something out goes to bench/results/partial.json, a whole one to bench/results/last.json.`;

export interface Arguments {
  readonly rounds: number;
  readonly operations: readonly Operation[];
  readonly contestants: readonly Contestant[];
  readonly whole: boolean;
  readonly readme: boolean;
  readonly last: boolean;
  readonly help: boolean;
}

function choose<T extends { readonly name: string }>(
  all: readonly T[],
  names: string | undefined,
  option: string,
): readonly T[] {
  if (names === undefined) return all;
  const wanted = names.split(',');
  const unknown = wanted.filter((name) => !all.some((one) => one.name === name));
  if (unknown.length > 0) throw new Error(`${option}: there is no ${unknown.join(', ')}\n${usage}`);
  return all.filter(({ name }) => wanted.includes(name));
}

export function parseArguments(words: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...words],
    options: {
      rounds: { type: 'string', default: String(wholeRounds) },
      only: { type: 'string' },
      contestants: { type: 'string' },
      readme: { type: 'boolean', default: false },
      last: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds ${values.rounds}: not a whole number from 1 on`);
  const whole = values.only === undefined && values.contestants === undefined && rounds >= wholeRounds;
  if (values.readme && !values.last && (values.only !== undefined || rounds < readmeRounds)) {
    throw new Error(`--readme shows every operation: leave out --only, at least ${readmeRounds} rounds`);
  }
  return {
    rounds,
    operations: choose(operations, values.only, '--only'),
    contestants: choose(contestants, values.contestants, '--contestants'),
    whole,
    readme: values.readme,
    last: values.last,
    help: values.help,
  };
}
