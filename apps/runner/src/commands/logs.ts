import { CliError } from '../cli-error.ts';
import type { Client } from '../client/client.ts';
import { type ClientFlags, openClient } from '../client/open-client.ts';
import { readOutput } from '../client/read-output.ts';
import type { ExecutionView } from '../wire/views.ts';
import { OutputCopy } from './output-copy.ts';

export interface LogsFlags extends ClientFlags {
  follow?: boolean;
}

/** Prints what is kept of an execution's output (the last one's, when none is named), and with -f what follows. */
export async function logs(sandboxId: string, executionId: string | undefined, flags: LogsFlags): Promise<number> {
  const client = openClient(flags);
  const sandbox = `/v1/sandboxes/${encodeURIComponent(sandboxId)}`;
  const id = executionId ?? (await lastOf(client, sandboxId, sandbox));
  const query = flags.follow === true ? '?follow=1' : '';
  const response = await client.stream(`${sandbox}/executions/${encodeURIComponent(id)}/output${query}`);
  const gone = new Set<string>();
  const copy = new OutputCopy((stream) => gone.add(stream));
  for await (const event of readOutput(response)) {
    if (event.type !== 'exit') await copy.take(event);
    // As tail(1): without a reader of standard output there is nothing left to do.
    if (gone.has('stdout')) break;
  }
  return 0;
}

async function lastOf(client: Client, sandboxId: string, path: string): Promise<string> {
  const { executions } = await client.call<{ executions: ExecutionView[] }>('GET', `${path}/executions`);
  const last = executions.at(-1);
  if (last !== undefined) return last.id;
  throw new CliError('ERR_USAGE', `logs: sandbox ${sandboxId} has no execution; start one with hatchery exec -d`);
}
