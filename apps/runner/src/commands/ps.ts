import type { ExitStatus } from '@hatchery/runtime';
import { type ClientFlags, openClient } from '../client/open-client.ts';
import type { ExecutionView, SandboxView } from '../wire/views.ts';
import { write } from '../write.ts';
import { formatDuration } from './format-duration.ts';
import { formatTable } from './format-table.ts';

export interface PsFlags extends ClientFlags {
  json?: boolean;
}

/** Lists the sandboxes, or the executions of one. */
export async function ps(sandboxId: string | undefined, flags: PsFlags): Promise<number> {
  const client = openClient(flags);
  if (sandboxId === undefined) {
    const { sandboxes } = await client.call<{ sandboxes: SandboxView[] }>('GET', '/v1/sandboxes');
    await write(process.stdout, flags.json === true ? toJson(sandboxes) : sandboxTable(sandboxes, Date.now()));
    return 0;
  }
  const path = `/v1/sandboxes/${encodeURIComponent(sandboxId)}/executions`;
  const { executions } = await client.call<{ executions: ExecutionView[] }>('GET', path);
  await write(process.stdout, flags.json === true ? toJson(executions) : executionTable(executions, Date.now()));
  return 0;
}

function toJson(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

export function sandboxTable(sandboxes: readonly SandboxView[], now: number): string {
  const rows = sandboxes.map(({ id, state, createdAt, expiresAt, executions, metadata }) => [
    id,
    state,
    formatDuration(now - Date.parse(createdAt)),
    expiresAt === null ? '-' : formatDuration(Date.parse(expiresAt) - now),
    String(executions),
    Object.entries(metadata)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
  ]);
  return formatTable(['ID', 'STATE', 'AGE', 'EXPIRES', 'EXECUTIONS', 'METADATA'], rows);
}

export function executionTable(executions: readonly ExecutionView[], now: number): string {
  const rows = executions.map(({ id, pid, startedAt, status, tag, command }) => [
    id,
    String(pid),
    startedAt === null ? '-' : formatDuration(now - Date.parse(startedAt)),
    status === null ? 'running' : describe(status),
    tag ?? '-',
    command?.join(' ') ?? '-',
  ]);
  return formatTable(['EXECUTION', 'PID', 'AGE', 'STATUS', 'TAG', 'COMMAND'], rows);
}

function describe({ exitCode, signal, reason }: ExitStatus): string {
  if (reason === 'exited') return `exited ${exitCode}`;
  return reason === 'signaled' ? `${signal}` : reason;
}
