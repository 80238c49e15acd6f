import type { SandboxState } from '@hatchery/runtime';
import type { Box } from './box.ts';

const mebibyte = 2 ** 20;

export type BoxStatus = 'configured' | 'running' | 'stopping' | 'stopped' | 'paused' | 'failed' | 'unknown';

/** What a client may filter by. */
export const boxStatuses: readonly BoxStatus[] = [
  'configured',
  'running',
  'stopping',
  'stopped',
  'paused',
  'failed',
  'unknown',
];

/** What is on its way is told as what it comes from: nobody can use it yet. */
const statuses: Readonly<Record<SandboxState, BoxStatus>> = {
  creating: 'configured',
  running: 'running',
  pausing: 'running',
  paused: 'paused',
  resuming: 'paused',
  stopping: 'stopping',
  stopped: 'stopped',
  starting: 'stopped',
  destroying: 'stopping',
  destroyed: 'stopped',
  failed: 'failed',
};

export function statusOf({ sandbox }: Box): BoxStatus {
  return statuses[sandbox.state];
}

/** Box, as clients read it. */
export function boxView(box: Box): Readonly<Record<string, unknown>> {
  const { sandbox, details } = box;
  const { limits } = sandbox.spec;
  return {
    box_id: box.id,
    ...(details.name === null ? {} : { name: details.name }),
    status: statusOf(box),
    created_at: sandbox.createdAt.toISOString(),
    updated_at: sandbox.stateSince.toISOString(),
    image: details.image,
    cpus: Math.ceil(limits.cpus),
    memory_mib: Math.floor(limits.memoryBytes / mebibyte),
    labels: details.labels,
    auto_stop: details.autoStop,
    auto_delete: details.autoDelete,
    auto_resume: details.autoResume,
  };
}
