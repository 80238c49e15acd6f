// usage: node --conditions=@hatchery/source bench/loop-delay.ts [--rounds N] [--crowd N] [--files N]
//
// How long the main loop is kept from its turn while a crowd of sandboxes (500) is torn down at once, each with a program
// that runs, ten of them with 10,000 files in memory, one with a program that waits on a FIFO, and one with a call on its
// files that hangs in the kernel (a volume whose filesystem is frozen). Before each of the rounds the same loop is watched while the crowd
// only stands there: the rows tell both, and the difference is what the teardown adds. A delay is what
// monitorEventLoopDelay with a resolution of 1 ms records, the interval itself (1.1 ms) included.
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Runtime, type Sandbox } from '@hatchery/runtime';
import { FrozenVolume } from './frozen-volume.ts';
import { summarise } from './statistics.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    crowd: { type: 'string', default: '500' },
    files: { type: 'string', default: '10000' },
  },
});
const count = (name: keyof typeof values): number => {
  const number = Number(values[name]);
  if (Number.isInteger(number) && number >= 1) return number;
  throw new Error(`--${name} ${values[name]}: not a whole number from 1 on`);
};

const withFiles = 10;
/** Their places in the crowd. */
const [withFifo, withHungCall] = [1, 2];
const createsInFlight = 8;
/** As long as a teardown of the crowd may take. */
const idleMs = 1300;
/** The monitor's first sample is taken a turn after it was enabled, and what blocks before that is not seen. */
const warmUpMs = 50;

interface Watched {
  readonly tookMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

async function watched(act: () => Promise<unknown>): Promise<Watched> {
  const monitor = monitorEventLoopDelay({ resolution: 1 });
  monitor.enable();
  await delay(warmUpMs);
  const started = performance.now();
  await act();
  const tookMs = performance.now() - started;
  // A turn that was late at the very end is recorded when the monitor's own timer runs after it.
  await delay(2);
  monitor.disable();
  return { tookMs, p99Ms: monitor.percentile(99) / 1e6, maxMs: monitor.max / 1e6 };
}

async function shell(sandbox: Sandbox, script: string): Promise<void> {
  const { exitCode, stderr } = await sandbox.run(['/bin/sh', '-c', script]);
  if (exitCode !== 0) throw new Error(`${script}: ${stderr.toString()}`);
}

/** A program that runs when its sandbox ends, as in most sandboxes. */
async function populate(sandbox: Sandbox, index: number, files: number): Promise<void> {
  if (index % Math.ceil(count('crowd') / withFiles) === 0)
    await shell(sandbox, `mkdir /tmp/d && cd /tmp/d && i=0; while [ $i -lt ${files} ]; do : > $i; i=$((i+1)); done`);
  if (index !== withFifo) return void (await sandbox.exec(['sleep', 'infinity']));
  await shell(sandbox, 'mkfifo /tmp/fifo');
  await sandbox.exec(['cat', '/tmp/fifo']);
  // Refused, and nothing is left of it.
  await sandbox.files.read('/tmp/fifo').catch(() => {});
}

async function gather(runtime: Runtime, size: number, files: number, volume: FrozenVolume): Promise<Sandbox[]> {
  const sandboxes: Sandbox[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < size) {
      const index = next++;
      const spec = index === withHungCall ? { volumes: [{ source: volume.directory, target: '/volume' }] } : {};
      const sandbox = await runtime.create(spec);
      sandboxes.push(sandbox);
      await populate(sandbox, index, files);
      if (index === withHungCall) volume.hang(sandbox.files.write('/volume/file', 'never written'));
    }
  };
  await Promise.all(Array.from({ length: createsInFlight }, work));
  return sandboxes;
}

function tell(name: string, { tookMs, p99Ms, maxMs }: Watched): void {
  const figures = [p99Ms, maxMs, tookMs].map((ms) => ms.toFixed(2).padStart(9)).join(' ');
  console.log(`${name.padEnd(34)} ${figures}`);
}

const median = (of: readonly Watched[], figure: keyof Watched): number =>
  summarise(of.map((one) => one[figure])).medianMs;

function conclude(idle: readonly Watched[], ending: readonly Watched[]): void {
  const above = (figure: 'p99Ms' | 'maxMs'): string => (median(ending, figure) - median(idle, figure)).toFixed(2);
  const took = (median(ending, 'tookMs') / 1000).toFixed(2);
  console.log(
    `medians of ${idle.length}: p99 ${above('p99Ms')} ms above idle (target 3), max ${above('maxMs')} ms above idle (target 5), done in ${took} s (target 1.3)`,
  );
}

const place = mkdtempSync('/dev/shm/hatchery-bench-');
try {
  await using runtime = await Runtime.open({ runDirectory: join(place, 'run'), dataDirectory: join(place, 'data') });
  const [rounds, size, files] = [count('rounds'), count('crowd'), count('files')];
  const idle: Watched[] = [];
  const ending: Watched[] = [];
  console.log(`load of the machine ${loadavg()[0]?.toFixed(2)}`);
  console.log(`${'ms'.padEnd(34)} ${['p99', 'max', 'took'].map((name) => name.padStart(9)).join(' ')}`);
  // The first round is a warm-up.
  for (let round = 0; round <= rounds; round++) {
    using volume = new FrozenVolume(place);
    const sandboxes = await gather(runtime, size, files, volume);
    const before = await watched(() => delay(idleMs));
    if (!volume.hangs) throw new Error('the call on the frozen volume did not hang');
    const during = await watched(() => Promise.all(sandboxes.map((sandbox) => sandbox.destroy())));
    if (round === 0) continue;
    idle.push(before);
    ending.push(during);
    tell(`${size} sandboxes stand there`, before);
    tell(`${size} sandboxes are torn down`, during);
  }
  conclude(idle, ending);
} finally {
  rmSync(place, { recursive: true, force: true });
}
