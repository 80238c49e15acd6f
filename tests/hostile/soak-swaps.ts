import { join } from 'node:path';
import type { Runtime } from '@hatchery/runtime';
import { randomFrom } from '../../packages/runtime/test/random.ts';
import type { LeakScope } from './leak-check.ts';
import { makeProberImage } from './prober-image.ts';
import { filesOf, naiveFiles } from './raced-files.ts';
import { recordOf } from './record-of.ts';
import { raceOperations } from './swap-attempts.ts';
import { raceSwaps } from './swap-race.ts';

export interface SoakedSwaps {
  readonly scope: LeakScope;
  /** For the image and what must not be reached. */
  readonly directory: string;
  /** Exchanges under each operation. */
  readonly swaps: number;
  readonly seed: number;
  readonly tell: (line: string) => void;
}

/** Errors by which a call may say that it met something else than it was called for. */
export const expectedErrors: RegExp = /^ERR_(?:FILE_(?:NOT_FOUND|EXISTS|TYPE|PATH)|ARCHIVE_REFUSED)$/;

/** Races every operation, and its naive form until that one has left the root; what was wrong. */
export async function soakSwaps(runtime: Runtime, soak: SoakedSwaps): Promise<string[]> {
  const { scope, directory, swaps, tell } = soak;
  const image = makeProberImage(join(directory, 'image'));
  const random = randomFrom(soak.seed);
  const wrong: string[] = [];
  for (const operation of raceOperations) {
    await using sandbox = await runtime.create({ image });
    const outside = join(directory, `outside-${operation}`);
    const files = filesOf(sandbox);
    const raced = await raceSwaps({ sandbox, files, operation, swaps, outside, random });
    wrong.push(...raced.escapes);
    for (const name of Object.keys(raced.errors))
      if (!expectedErrors.test(name)) wrong.push(`${operation}: ${raced.errors[name]} times ${name}`);
    await using other = await runtime.create({ image });
    const naive = naiveFiles(recordOf(scope, other).initPid);
    const control = {
      sandbox: other,
      files: naive,
      operation,
      swaps: 0,
      outside: join(directory, `naive-${operation}`),
    };
    const lost = await raceSwaps({ ...control, random, untilEscape: true });
    if (lost.escapes.length === 0) wrong.push(`${operation}: the naive form did not escape in ${lost.calls} calls`);
    const met = JSON.stringify(raced.errors);
    const least = `the naive form escaped within ${lost.calls} calls`;
    tell(
      `${operation}: ${raced.swaps} swaps, ${raced.calls} calls, ${raced.escapes.length} escapes, errors ${met}; ${least}`,
    );
  }
  return wrong;
}
