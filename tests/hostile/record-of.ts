import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Sandbox } from '@hatchery/runtime';
import type { LeakScope } from './leak-check.ts';

export interface HostFacts {
  /** Init as the host sees it. */
  readonly initPid: number;
  /** First of its range of ids. */
  readonly firstId: number;
}

/** What the host knows of a running sandbox, by its record. */
export function recordOf({ runDirectory, instance }: LeakScope, { id }: Sandbox): HostFacts {
  const record = readFileSync(join(runDirectory, 'instances', instance, 'sandboxes', id, 'record'), 'latin1');
  const initPid = Number(/^init (\d+) /m.exec(record)?.[1]);
  const range = /^range .*\/([0-9a-f]+)$/m.exec(record)?.[1] ?? '';
  if (!(initPid > 1) || readlinkSync(`/proc/${initPid}/ns/pid`) === readlinkSync('/proc/self/ns/pid'))
    throw new Error(`the record of ${id} names process ${initPid}, which is in no sandbox`);
  return { initPid, firstId: Number.parseInt(range, 16) };
}
