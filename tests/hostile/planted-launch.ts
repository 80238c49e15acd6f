/**
 * Run as a process of its own by the test of N08, under a launcher that left a directory open and a secret in the
 * environment: `planted-launch.ts FD RUN-DIRECTORY IMAGE` prints a PlantedReport as JSON.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { Runtime } from '@hatchery/runtime';

export interface PlantedReport {
  /** Where the planted descriptor leads in this process, as proof that it was planted. */
  readonly plantedTarget: string;
  /** Whether an exec would pass it on, as the launcher left it. */
  readonly plantedSurvivesExec: boolean;
  readonly fds: string;
  readonly secrets: string;
  /** Of an execution; this process runs at a better one. */
  readonly nice: number;
}

const [fd = '', runDirectory = '', image = ''] = process.argv.slice(2);
const secret = process.env['SERVER_TOKEN'] ?? '';
const closeOnExec = 0o2000000;
const flags = Number.parseInt(/^flags:\t(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '', 8);
setPriority(-5);
await using runtime = await Runtime.open({ runDirectory });
await using sandbox = await runtime.create({ image });
const report: PlantedReport = {
  plantedTarget: readlinkSync(`/proc/self/fd/${fd}`),
  plantedSurvivesExec: (flags & closeOnExec) === 0,
  fds: (await sandbox.run(['/sp', 'fds', 'canary'])).stdout.toString('latin1'),
  // The 17th field after the name in parentheses (proc_pid_stat(5)).
  nice: Number((await sandbox.run(['/sp', 'cat', '/proc/self/stat'])).stdout.toString().split(') ')[1]?.split(' ')[16]),
  secrets: (await sandbox.run(['/sp', 'secrets', secret])).stdout.toString('latin1'),
};
process.stdout.write(JSON.stringify(report));
