import type { SandboxStats } from '@hatchery/runtime';
import { type ClientFlags, openClient } from '../client/open-client.ts';
import { ExitCode } from '../exit-code.ts';
import { reportError } from '../report-error.ts';
import type { SandboxView } from '../wire/views.ts';
import { write } from '../write.ts';
import { formatBytes } from './format-bytes.ts';
import { formatTable } from './format-table.ts';

export interface StatsFlags extends ClientFlags {
  json?: boolean;
}

type Line = Partial<SandboxStats> & { id: string };

/** Those that have processes to be counted. */
const counted = new Set<SandboxView['state']>(['running', 'pausing', 'paused', 'resuming']);

/** Prints what sandboxes use now; without a name, of all that have processes. One that cannot be told is no reason to stop. */
export async function stats(named: readonly string[], flags: StatsFlags): Promise<number> {
  const client = openClient(flags);
  const ids = named.length > 0 ? named : await allOf(client);
  const lines: Line[] = [];
  let code = 0;
  for (const id of ids) {
    try {
      lines.push({
        id,
        ...(await client.call<Partial<SandboxStats>>('GET', `/v1/sandboxes/${encodeURIComponent(id)}/stats`)),
      });
    } catch (error) {
      // One of all may have ended meanwhile.
      if (named.length === 0) continue;
      code = ExitCode.failure;
      await reportError(error);
    }
  }
  await write(process.stdout, flags.json === true ? `${JSON.stringify(lines, null, 2)}\n` : statsTable(lines));
  return code;
}

async function allOf(client: ReturnType<typeof openClient>): Promise<string[]> {
  const { sandboxes } = await client.call<{ sandboxes: SandboxView[] }>('GET', '/v1/sandboxes');
  return sandboxes.filter(({ state }) => counted.has(state)).map(({ id }) => id);
}

/** `-`: this host does not count it. */
export function statsTable(lines: readonly Line[]): string {
  const rows = lines.map(({ id, cpuMs, memoryBytes, memoryPeakBytes, pids, oomKills }) => [
    id,
    cpuMs === undefined ? '-' : `${(cpuMs / 1000).toFixed(2)}s`,
    memoryBytes === undefined ? '-' : formatBytes(memoryBytes),
    memoryPeakBytes === undefined ? '-' : formatBytes(memoryPeakBytes),
    `${pids ?? '-'}`,
    `${oomKills ?? '-'}`,
  ]);
  return formatTable(['ID', 'CPU', 'MEMORY', 'PEAK', 'PIDS', 'OOM-KILLS'], rows);
}
