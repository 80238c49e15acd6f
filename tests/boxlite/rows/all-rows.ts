import type { Row } from '../row.ts';
import { boxRows } from './box-rows.ts';
import { executionRows } from './execution-rows.ts';
import { fileRows } from './file-rows.ts';
import { helperRows } from './helper-rows.ts';
import { localRows } from './local-rows.ts';
import { runtimeRows } from './runtime-rows.ts';
import { tunnelRows } from './tunnel-rows.ts';
import { volumeRows } from './volume-rows.ts';

/** Every way of using every method of the client in REST mode that the table of compatibility tells of. */
export const allRows: readonly Row[] = [
  ...runtimeRows,
  ...boxRows,
  ...executionRows,
  ...fileRows,
  ...volumeRows,
  ...tunnelRows,
  ...helperRows,
  ...localRows,
];
