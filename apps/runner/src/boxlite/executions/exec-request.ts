import type { ExecOptions } from '@hatchery/runtime';
import { checkVariables } from '../../hosted/check-variables.ts';
import { BodyShape } from '../../serve/body-shape.ts';

/** What a client wants to have run. */
export interface ExecRequest {
  readonly command: readonly [string, ...string[]];
  readonly options: Pick<ExecOptions, 'cwd' | 'env' | 'tty' | 'timeoutMs'>;
}

interface Body {
  command: string;
  args?: string[];
  env?: Record<string, string>;
  timeout_seconds?: number;
  working_dir?: string;
  tty?: boolean;
}

/** The longest timeout of an execution: as a timer counts it. */
export const maxTimeoutSeconds = 2_000_000;
/** Until a client says how large its terminal is. */
const firstSize = { columns: 80, rows: 24 };

const text = { type: 'string' };

export const execBody: BodyShape<Body> = new BodyShape<Body>(
  {
    command: { type: 'string', minLength: 1 },
    args: { type: 'array', items: text },
    env: { type: 'object', additionalProperties: text },
    timeout_seconds: { type: 'number', minimum: 0, maximum: maxTimeoutSeconds },
    working_dir: { type: 'string', minLength: 1 },
    tty: { type: 'boolean' },
  },
  ['command'],
);

/** Throws invalid_argument. A timeout of 0 is none: clients send it for one that was not meant. */
export function readExec(given: unknown): ExecRequest {
  const body = execBody.read(given);
  const { command, args = [], env = {}, timeout_seconds: seconds = 0, working_dir: cwd, tty = false } = body;
  checkVariables('env', env);
  return {
    command: [command, ...args],
    options: {
      env,
      ...(cwd === undefined ? {} : { cwd }),
      ...(tty ? { tty: firstSize } : {}),
      ...(seconds === 0 ? {} : { timeoutMs: Math.max(1, Math.round(seconds * 1000)) }),
    },
  };
}
