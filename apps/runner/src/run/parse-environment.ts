import { CliError } from '../cli-error.ts';

/** `KEY=VALUE` as written; `KEY` alone takes our value, and is left out when we have none. Later ones win. */
export function parseEnvironment(entries: readonly string[], ours: NodeJS.ProcessEnv): Record<string, string> {
  const environment = new Map<string, string>();
  for (const entry of entries) {
    const equals = entry.indexOf('=');
    const key = equals < 0 ? entry : entry.slice(0, equals);
    if (key === '') throw new CliError('ERR_SPEC_INVALID', `--env: "${entry}" has no name; write KEY=VALUE or KEY`);
    const value = equals < 0 ? ours[key] : entry.slice(equals + 1);
    if (value !== undefined) environment.set(key, value);
  }
  // Not an object literal: a variable may be called __proto__.
  return Object.fromEntries(environment);
}
