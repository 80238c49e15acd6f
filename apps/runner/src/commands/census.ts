import type { Census } from '@hatchery/runtime';
import { type ClientFlags, openClient } from '../client/open-client.ts';
import { write } from '../write.ts';
import { formatTable } from './format-table.ts';

export interface CensusFlags extends ClientFlags {
  json?: boolean;
}

/** Prints what there is of the server's instance. Returns 1 when something of it belongs to no sandbox. */
export async function census(flags: CensusFlags): Promise<number> {
  const found = await openClient(flags).call<Census>('GET', '/v1/census');
  await write(process.stdout, flags.json === true ? `${JSON.stringify(found, null, 2)}\n` : censusReport(found));
  return found.leaks.length === 0 ? 0 : 1;
}

export function censusReport({ counts, leaks, quarantined }: Census): string {
  const rows = Object.entries(counts).map(([kind, count]) => [
    kind,
    String(count),
    String(leaks.filter((leak) => leak.kind === kind).length),
  ]);
  const parts = [formatTable(['KIND', 'COUNT', 'LEAKS'], rows)];
  if (leaks.length > 0) {
    const lines = leaks.map(({ kind, sandboxId, what }) => [kind, sandboxId ?? '-', what]);
    parts.push(formatTable(['LEAK', 'SANDBOX', 'WHAT'], lines));
  }
  if (quarantined.length > 0)
    parts.push(
      formatTable(
        ['QUARANTINED'],
        quarantined.map((name) => [name]),
      ),
    );
  return parts.join('\n');
}
