import { expect } from 'vitest';
import type { Outcome, Row } from './row.ts';

/**
 * Runs one row, notes what came of it, and throws when it is not what the row says.
 *
 * @param options.refused how its user sees that something is refused by name, in whichever class of error
 */
export async function tryRow<Trial>(
  row: Row<Trial>,
  trial: () => Trial,
  { outcomes, refused }: { readonly outcomes: Map<Row<Trial>, Outcome>; readonly refused: RegExp },
): Promise<void> {
  outcomes.set(row, 'fails');
  const run = async (): Promise<void> => await row.run(trial());
  if (row.refusal === undefined) await run();
  else await expect(run()).rejects.toThrow(refused);
  outcomes.set(row, row.refusal === undefined ? 'works' : `refused: ${row.refusal}`);
}

/** Those that neither work nor are refused by name, as a reader of a report looks for them. */
export function failing<Trial>(
  rows: readonly Row<Trial>[],
  versions: readonly { readonly version: string; readonly outcomes: ReadonlyMap<Row<Trial>, Outcome> }[],
): string[] {
  return versions.flatMap(({ version, outcomes }) =>
    rows.filter((row) => outcomes.get(row) === 'fails').map(({ method, claim }) => `${version}: ${method}: ${claim}`),
  );
}
