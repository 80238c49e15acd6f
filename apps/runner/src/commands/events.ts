import type { RuntimeEvent } from '@hatchery/runtime';
import { type ClientFlags, openClient } from '../client/open-client.ts';
import { readLines } from '../client/read-lines.ts';
import { write } from '../write.ts';
import { printable } from './format-table.ts';

export interface EventsFlags extends ClientFlags {
  json?: boolean;
}

/** Prints what happens to sandboxes from now on, a line each, until it is interrupted. */
export async function events(flags: EventsFlags): Promise<number> {
  const response = await openClient(flags).stream('/v1/events');
  for await (const line of readLines(response))
    await write(process.stdout, `${flags.json === true ? line : describe(JSON.parse(line) as RuntimeEvent)}\n`);
  return 0;
}

/** Over JSON a date is text. */
function describe({ at, type, sandboxId, reason }: RuntimeEvent): string {
  return printable([at, type, sandboxId, reason ?? ''].join('  ')).trimEnd();
}
