// usage: node --conditions=@hatchery/source bench/lifecycles.ts [--rounds N] [--crowd N] [--idle N]
//
// What a sandbox costs over its life: destroy of a running and of a paused one (with its kill part: from the call to the
// exit of its executions) beside the kernel's own cgroup.kill of a process, interleaved; pause and resume; a crowd of
// sandboxes whose runner is killed, adopted (200); the memory of an idle sandbox and of many (1000), and how long it takes
// to make, exec in and destroy them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findCgroupHost } from '@hatchery/cgroup';
import { Runtime, type Sandbox } from '@hatchery/runtime';
import { adoptCrowd } from '../packages/runtime/test/adopt-crowd.ts';
import { summarise } from './statistics.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '50' },
    crowd: { type: 'string', default: '200' },
    idle: { type: 'string', default: '1000' },
  },
});
const count = (name: keyof typeof values): number => {
  const number = Number(values[name]);
  if (Number.isInteger(number) && number >= 1) return number;
  throw new Error(`--${name} ${values[name]}: not a whole number from 1 on`);
};

async function timed(act: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await act();
  return performance.now() - started;
}

function tell(name: string, times: readonly number[]): void {
  const { medianMs, p95Ms } = summarise(times);
  const sorted = times.toSorted((a, b) => a - b);
  const p99 = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? Number.NaN;
  const figures = [medianMs, p95Ms, p99, sorted[0] ?? Number.NaN].map((ms) => ms.toFixed(2).padStart(8)).join(' ');
  console.log(`${name.padEnd(46)} ${figures}`);
}

/** The kernel's part alone: a process in a cgroup of its own, killed by it, awaited, and the cgroup removed. */
async function killByCgroup(index: number): Promise<number> {
  const directory = join(findCgroupHost().unifiedMount, `hatchery-bench-${process.pid}-${index}`);
  mkdirSync(directory);
  const child = spawn('sleep', ['infinity'], { stdio: 'ignore' });
  writeFileSync(join(directory, 'cgroup.procs'), String(child.pid));
  const exited = once(child, 'exit');
  return await timed(async () => {
    writeFileSync(join(directory, 'cgroup.kill'), '1');
    await exited;
    rmdirSync(directory);
  });
}

async function destroyed(runtime: Runtime, isPaused: boolean): Promise<{ kill: number; all: number }> {
  const sandbox = await runtime.create();
  const execution = await sandbox.exec(['sleep', 'infinity']);
  if (isPaused) await sandbox.pause();
  const started = performance.now();
  const kill = execution.wait().then(() => performance.now() - started);
  const all = await timed(() => sandbox.destroy());
  return { kill: await kill, all };
}

async function lives(runtime: Runtime, rounds: number): Promise<void> {
  const times = new Map<string, number[]>();
  const add = (name: string, ms: number): void => void times.set(name, [...(times.get(name) ?? []), ms]);
  const sandbox = await runtime.create();
  await sandbox.exec(['sleep', 'infinity']);
  for (let round = 0; round < rounds; round++) {
    add('cgroup.kill, exit seen by Node, rmdir', await killByCgroup(round));
    for (const isPaused of [false, true]) {
      const { kill, all } = await destroyed(runtime, isPaused);
      const name = isPaused ? 'destroy, paused' : 'destroy, running';
      add(`${name}: until its programs' exits are told`, kill);
      add(name, all);
    }
    add('pause', await timed(() => sandbox.pause()));
    add('resume', await timed(() => sandbox.resume()));
  }
  await sandbox.destroy();
  console.log(`${'ms'.padEnd(46)} ${['median', 'p95', 'p99', 'least'].map((name) => name.padStart(8)).join(' ')}`);
  for (const [name, all] of times) tell(name, all);
}

async function crowd(place: string, size: number): Promise<void> {
  const at = { runDirectory: join(place, 'run'), dataDirectory: join(place, 'data'), instance: `crowd-${process.pid}` };
  const { openMs, exits, bytes, unknownGaps, wrong } = await adoptCrowd(at, size);
  console.log(
    `adoption of ${size} busy sandboxes after kill -9: ${openMs.toFixed(0)} ms (${(openMs / size).toFixed(2)} each); ${exits} exits, ${bytes} bytes, ${unknownGaps} gaps of one read, ${wrong.length} wrong`,
  );
  for (const fault of wrong.slice(0, 5)) console.log(`wrong: ${fault}`);
}

/** Of all processes in a sandbox's cgroup: what is theirs alone and their share of what is not. */
function pssOf(runtime: Runtime, sandbox: Sandbox, instance: string): number {
  void runtime;
  const root = join(findCgroupHost().unifiedMount, 'hatchery');
  const parent = readdirSync(root).find((name) => existsSync(join(root, name, instance))) ?? '';
  const [pid = ''] = readFileSync(join(root, parent, instance, sandbox.id, 'init/cgroup.procs'), 'latin1').split('\n');
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]);
}

/** kB that the machine has left, less what it could let go of. */
function usedKilobytes(): number {
  const text = readFileSync('/proc/meminfo', 'latin1');
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]);
  return (
    field('MemTotal') - field('MemFree') - field('Cached') - field('Buffers') - field('SReclaimable') + field('Shmem')
  );
}

async function idle(runtime: Runtime, instance: string, size: number): Promise<void> {
  const before = usedKilobytes();
  const rssBefore = process.memoryUsage().rss;
  const sandboxes: Sandbox[] = [];
  const fill = await timed(async () => {
    const one = async (): Promise<void> => {
      while (sandboxes.length + inFlight < size) {
        inFlight++;
        sandboxes.push(await runtime.create());
        inFlight--;
      }
    };
    let inFlight = 0;
    await Promise.all(Array.from({ length: 8 }, one));
  });
  const own = (process.memoryUsage().rss - rssBefore) / 1024;
  const each = (usedKilobytes() - before - own) / sandboxes.length;
  const [some] = sandboxes;
  if (some === undefined) throw new Error('there is no sandbox');
  const pss = pssOf(runtime, some, instance);
  const execs: number[] = [];
  for (let round = 0; round < 50; round++) {
    const sandbox = sandboxes[(round * 7) % sandboxes.length] ?? some;
    execs.push(await timed(() => sandbox.run(['/bin/true'])));
  }
  const end = await timed(() => Promise.all(sandboxes.map((sandbox) => sandbox.destroy())));
  console.log(
    `${sandboxes.length} idle sandboxes: filled in ${(fill / 1000).toFixed(2)} s, init's PSS ${pss} kB, all memory ${each.toFixed(0)} kB each, Node's ${(own / sandboxes.length).toFixed(0)} kB each; all destroyed in ${(end / 1000).toFixed(2)} s`,
  );
  tell(`exec of true among ${sandboxes.length}`, execs);
}

const place = mkdtempSync('/dev/shm/hatchery-bench-');
try {
  const instance = `bench-${process.pid}`;
  await using runtime = await Runtime.open({
    pool: false,
    runDirectory: join(place, 'run'),
    dataDirectory: join(place, 'data'),
    instance,
  });
  await destroyed(runtime, false); // what is made once
  const alone = await runtime.create();
  const execs: number[] = [];
  for (let round = 0; round < 50; round++) execs.push(await timed(() => alone.run(['/bin/true'])));
  await alone.destroy();
  await lives(runtime, count('rounds'));
  tell('exec of true in the only one', execs);
  await idle(runtime, instance, count('idle'));
  await crowd(place, count('crowd'));
} finally {
  rmSync(place, { recursive: true, force: true });
}
