import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { Machine } from './machine.ts';
import type { OperationName, Temperature } from './operations/operation.ts';
import type { PayloadName } from './payload.ts';
import type { Summary } from './statistics.ts';

export interface Cell {
  readonly operation: OperationName;
  readonly payload: PayloadName;
  readonly temperature: Temperature;
}

export interface Row extends Cell {
  readonly contestant: string;
  /** Null when a round failed; `error` says how. */
  readonly summary: Summary | null;
  readonly error: string | null;
}

export interface Entrant {
  readonly name: string;
  readonly leavesOut: string;
  readonly version: string | null;
  /** Why it did not take part, and what to do about it. */
  readonly absent: string | null;
}

export interface Results {
  readonly date: string;
  readonly command: string;
  readonly rounds: number;
  readonly machine: Machine;
  readonly entrants: readonly Entrant[];
  readonly rows: readonly Row[];
}

const directory = path.join(import.meta.dirname, 'results');
/** Committed: README.md and docs/speed.md show it. */
export const lastResults: string = path.join(directory, 'last.json');
/** Of a run that left something out; never shown. */
export const partialResults: string = path.join(directory, 'partial.json');

export function findRow(results: Results, cell: Cell, contestant: string): Row | undefined {
  return results.rows.find(
    (row) =>
      row.contestant === contestant &&
      row.operation === cell.operation &&
      row.payload === cell.payload &&
      row.temperature === cell.temperature,
  );
}

export async function readResults(file: string): Promise<Results> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Error(`cannot read ${file}: run \`npm run bench\` once`, { cause });
  });
  // Written by writeResults below and nothing else.
  const results: Results = JSON.parse(text);
  return results;
}

export async function writeResults(file: string, results: Results): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(`${file}.new`, `${JSON.stringify(results, null, 2)}\n`);
  await rename(`${file}.new`, file);
}
