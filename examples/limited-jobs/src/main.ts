// usage: node src/main.ts [--memory MIB] [--pids N] [--seconds N] COMMAND...
import { parseArgs } from 'node:util';
import { EventQueue } from '@hatchery/event-queue';
import { type JobEvent, runJob } from './job.ts';

const { values, positionals: commands } = parseArgs({
  allowPositionals: true,
  options: {
    memory: { type: 'string', default: '64' },
    pids: { type: 'string', default: '32' },
    seconds: { type: 'string', default: '10' },
  },
});
const limits = { memoryBytes: Number(values.memory) * 2 ** 20, pids: Number(values.pids) };
const options = { limits, timeoutMs: Number(values.seconds) * 1000 };

// Jobs post and go on; all that is done about it is done here, in order, when this loop asks.
const queue = new EventQueue<JobEvent>({ capacity: 64 });
const jobs = commands.map((command, job) => runJob(job, command, queue, options));
const running = new Set(jobs.keys());
while (running.size > 0) {
  await queue.drainWait((event) => {
    console.log(describe(event));
    if (event.type !== 'line') running.delete(event.job);
  });
}
await Promise.all(jobs);

function describe(event: JobEvent): string {
  if (event.type === 'line') return `${event.job}: ${event.text}`;
  if (event.type === 'failed') return `${event.job}: failed: ${String(event.error)}`;
  if (event.timedOut) return `${event.job}: out of time`;
  if ((event.stats.oomKills ?? 0) > 0) return `${event.job}: out of memory`;
  return `${event.job}: exit code ${event.exitCode}`;
}
