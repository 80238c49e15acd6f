import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type CgroupLimits, type CgroupStats, createCgroup } from '@hatchery/cgroup';
import type { EventQueue } from '@hatchery/event-queue';

export type JobEvent =
  | { readonly type: 'line'; readonly job: number; readonly text: string }
  | { readonly type: 'failed'; readonly job: number; readonly error: unknown }
  | {
      readonly type: 'ended';
      readonly job: number;
      readonly exitCode: number | null;
      readonly timedOut: boolean;
      readonly stats: CgroupStats;
    };

export interface JobOptions {
  readonly limits: CgroupLimits;
  readonly timeoutMs: number;
}

/**
 * Runs a shell command in a cgroup of its own and posts what happens to it; the last event is `ended` or `failed`. A full queue
 * makes the program wait. When this resolves nothing of the job is left, whatever it had started.
 */
export async function runJob(
  job: number,
  command: string,
  queue: EventQueue<JobEvent>,
  options: JobOptions,
): Promise<void> {
  let last: JobEvent;
  try {
    last = await runInCgroup(job, command, queue, options);
  } catch (error) {
    last = { type: 'failed', job, error };
  }
  await queue.push(last);
}

async function runInCgroup(
  job: number,
  command: string,
  queue: EventQueue<JobEvent>,
  { limits, timeoutMs }: JobOptions,
): Promise<JobEvent> {
  const group = createCgroup({ path: `limited-jobs-${process.pid}/${job}`, limits });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    group.kill();
  }, timeoutMs);
  try {
    // It waits until it is inside: what it starts is then born inside.
    const child = spawn('sh', ['-c', 'read go; exec sh -c "$1" </dev/null', 'sh', command], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit') as Promise<[number | null]>;
    if (child.pid === undefined) await exited;
    else group.add(child.pid);
    child.stdin.end('go\n');
    // The command's end is the job's: what it has left in the background must not keep its output open.
    const [[exitCode]] = await Promise.all([exited.finally(() => group.kill()), postLines(job, child.stdout, queue)]);
    return { type: 'ended', job, exitCode, timedOut, stats: group.stats() };
  } finally {
    clearTimeout(timer);
    await group.remove();
  }
}

async function postLines(job: number, output: NodeJS.ReadableStream, queue: EventQueue<JobEvent>): Promise<void> {
  for await (const text of createInterface({ input: output })) await queue.push({ type: 'line', job, text });
}
