import type { Row } from '../row.ts';
import { commandRows } from './command-rows.ts';
import { fileRows } from './file-rows.ts';
import { gitRows } from './git-rows.ts';
import { localRows } from './local-rows.ts';
import { refusedRows } from './refused-rows.ts';
import { sandboxRows } from './sandbox-rows.ts';

/** Every way of using every method of the client that the table of compatibility tells of. */
export const allRows: readonly Row[] = [
  ...sandboxRows,
  ...commandRows,
  ...fileRows,
  ...gitRows,
  ...refusedRows,
  ...localRows,
];
