// usage: node --conditions=@hatchery/source bench/executions.ts [--rounds N]
//
// Output and executions beside what Node and the kernel do without a sandbox: bytes a second of one stream in writes of
// 64 KiB, with the processor time of Node for a GiB, and executions a second with eight in flight. Rounds of all
// contestants are interleaved; the table shows medians, and ratios of the same round.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { type Execution, Runtime, type Sandbox } from '@hatchery/runtime';
import { summarise } from './statistics.ts';

const writes = 16_384;
const gibibytes = (writes * 65_536) / 2 ** 30;
const source = ['dd', 'if=/dev/zero', 'bs=64k', `count=${writes}`, 'status=none'] as const;
const programs = 400;
const inFlight = 8;

interface Sample {
  /** GiB a second, or executions a second. */
  readonly rate: number;
  /** Milliseconds of this process for a GiB, or for an execution. */
  readonly cpuMs: number;
}

interface Contestant {
  readonly name: string;
  readonly group: string;
  run(): Promise<Sample>;
}

async function timed(units: number, act: () => Promise<void>): Promise<Sample> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await act();
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { rate: units / seconds, cpuMs: (user + system) / 1000 / units };
}

async function swallow(stream: Readable): Promise<void> {
  let bytes = 0;
  stream.on('data', (data: Buffer) => (bytes += data.length));
  await once(stream, 'end');
  if (bytes !== writes * 65_536) throw new Error(`${bytes} bytes came`);
}

async function follow(execution: Execution): Promise<void> {
  let bytes = 0;
  for await (const event of execution.attach({ backPressure: true, lend: true }))
    if (event.type === 'data') bytes += event.data.length;
  if (bytes !== writes * 65_536) throw new Error(`${bytes} bytes came`);
}

async function eightAtATime(one: () => Promise<void>): Promise<void> {
  let left = programs;
  const work = async (): Promise<void> => {
    while (left-- > 0) await one();
  };
  await Promise.all(Array.from({ length: inFlight }, work));
}

function contestantsOf(sandbox: Sandbox): Contestant[] {
  const [dd, ...ddArguments] = source;
  const pipeline = `${source.join(' ')} | dd of=/dev/null bs=64k status=none`;
  const spawned = async (command: string, args: readonly string[]): Promise<void> => {
    await once(spawn(command, args, { stdio: 'ignore' }), 'exit');
  };
  return [
    {
      name: 'a bare reader of a pipe (dd | dd)',
      group: 'GiB/s',
      run: () => timed(gibibytes, () => spawned('sh', ['-c', pipeline])),
    },
    {
      name: 'child_process, data events',
      group: 'GiB/s',
      run: () =>
        timed(gibibytes, () => swallow(spawn(dd, ddArguments, { stdio: ['ignore', 'pipe', 'inherit'] }).stdout)),
    },
    {
      name: 'hatchery, execution.stdout',
      group: 'GiB/s',
      run: () => timed(gibibytes, async () => swallow((await sandbox.exec(source)).stdout)),
    },
    {
      name: 'hatchery, attach({ lend: true })',
      group: 'GiB/s',
      run: () => timed(gibibytes, async () => follow(await sandbox.exec(source))),
    },
    {
      name: 'child_process.spawn, 8 in flight',
      group: 'executions/s',
      run: () => timed(programs, () => eightAtATime(() => spawned('/bin/true', []))),
    },
    {
      name: 'hatchery, sandbox.run, 8 in flight',
      group: 'executions/s',
      run: () => timed(programs, () => eightAtATime(async () => void (await sandbox.run(['/bin/true'])))),
    },
  ];
}

function row(contestant: Contestant, samples: readonly Sample[], first: readonly Sample[]): string {
  const median = (values: readonly number[]): number => summarise(values).medianMs;
  const ratio = median(samples.map(({ rate }, round) => rate / (first[round]?.rate ?? Number.NaN)));
  const figures = [median(samples.map(({ rate }) => rate)).toFixed(2), contestant.group];
  const cpu = `${median(samples.map(({ cpuMs }) => cpuMs)).toFixed(2)} ms of Node's CPU each`;
  return `${contestant.name.padEnd(38)} ${figures.join(' ').padStart(20)}   x ${ratio.toFixed(2)}   ${cpu}`;
}

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '9' } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds}: not a whole number from 1 on`);
const place = mkdtempSync('/dev/shm/hatchery-bench-');
try {
  await using runtime = await Runtime.open({ runDirectory: join(place, 'run'), dataDirectory: join(place, 'data') });
  await using sandbox = await runtime.create({ limits: { cpus: 2 } });
  const contestants = contestantsOf(sandbox);
  const samples = new Map<Contestant, Sample[]>(contestants.map((contestant) => [contestant, []]));
  // The first round is a warm-up.
  for (let round = 0; round <= rounds; round++)
    for (const contestant of contestants) {
      const sample = await contestant.run();
      if (round > 0) samples.get(contestant)?.push(sample);
    }
  for (const contestant of contestants) {
    const first = contestants.find(({ group }) => group === contestant.group) ?? contestant;
    console.log(row(contestant, samples.get(contestant) ?? [], samples.get(first) ?? []));
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}
