import { burst, poolBurst } from './burst.ts';
import { create } from './create.ts';
import { createToExit } from './create-to-exit.ts';
import { cycles } from './cycles.ts';
import { destroy } from './destroy.ts';
import { exec } from './exec.ts';
import { firstByte, poolFirstByte } from './first-byte.ts';
import type { Operation } from './operation.ts';

/** In the order of the tables. */
export const operations: readonly Operation[] = [
  poolFirstByte,
  firstByte,
  createToExit,
  create,
  exec,
  destroy,
  burst,
  poolBurst,
  cycles,
];
