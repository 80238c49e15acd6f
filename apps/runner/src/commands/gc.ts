import type { GcResult } from '@hatchery/runtime';
import { type ClientFlags, openClient } from '../client/open-client.ts';
import { write } from '../write.ts';
import { formatTable } from './format-table.ts';

export interface GcFlags extends ClientFlags {
  json?: boolean;
}

/** Removes debris of the server's instance now, and prints what went and what is kept. */
export async function gc(flags: GcFlags): Promise<number> {
  const result = await openClient(flags).call<GcResult>('POST', '/v1/gc');
  await write(process.stdout, flags.json === true ? `${JSON.stringify(result, null, 2)}\n` : gcReport(result));
  return 0;
}

/** Nothing to do is said by nothing. */
export function gcReport({ removed, quarantined }: GcResult): string {
  const rows = [...removed.map((what) => ['removed', what]), ...quarantined.map((what) => ['quarantined', what])];
  return rows.length === 0 ? '' : formatTable(['DONE', 'WHAT'], rows);
}
