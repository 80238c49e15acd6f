// usage: node --conditions=@hatchery/source bench/files.ts [--rounds N]
//
// What a file costs, read and written whole: through sandbox.files and through a Chroot, beside fs.promises on the host,
// which walks the path without any care. All on a tmpfs; one call at a time, and eight in flight. Rounds of the contestants
// are interleaved; the table shows medians, and ratios to fs.promises of the same round.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Runtime } from '@hatchery/runtime';
import { BlockingPool, openChroot } from '../packages/blocking-io/src/index.ts';
import { summarise } from './statistics.ts';

/** By name, bytes, and how many files make a round. */
const sizes = [
  ['4 KiB', 4096, 64],
  ['1 MiB', 2 ** 20, 8],
] as const;
const inFlight = 8;

interface Place {
  readonly name: string;
  read(path: string): Promise<Buffer>;
  write(path: string, data: Buffer): Promise<unknown>;
}

type Act = (place: Place, file: string, data: Buffer) => Promise<unknown>;

async function read(place: Place, file: string, data: Buffer): Promise<void> {
  const content = await place.read(file);
  if (content.length !== data.length) throw new Error(`${place.name} ${file}: ${content.length} bytes came`);
}

async function write(place: Place, file: string, data: Buffer): Promise<void> {
  await place.write(file, data);
}

/** Microseconds a file. */
async function round(place: Place, act: Act, data: Buffer, count: number, atATime: number): Promise<number> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) await act(place, `/bench/${data.length}-${next++}`, data);
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: atATime }, work));
  return ((performance.now() - started) / count) * 1000;
}

async function compare(places: readonly Place[], title: string, one: (place: Place) => Promise<number>): Promise<void> {
  const samples = new Map<Place, number[]>(places.map((place) => [place, []]));
  // The first round is a warm-up.
  for (let turn = 0; turn <= rounds; turn++)
    for (const place of places) {
      const sample = await one(place);
      if (turn > 0) samples.get(place)?.push(sample);
    }
  const [plain = []] = samples.values();
  for (const [{ name }, times] of samples) {
    const { medianMs: median, p95Ms: p95 } = summarise(times);
    const ratio = summarise(times.map((time, turn) => time / (plain[turn] ?? Number.NaN))).medianMs;
    const figures = [median, p95].map((us) => us.toFixed(0).padStart(8)).join(' ');
    console.log(`${title.padEnd(26)} ${name.padEnd(14)} ${figures}   x ${ratio.toFixed(2)}`);
  }
}

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '30' } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds}: not a whole number from 1 on`);
const directory = mkdtempSync('/dev/shm/hatchery-bench-');
try {
  await using pool = await BlockingPool.open();
  const options = { runDirectory: join(directory, 'run'), dataDirectory: join(directory, 'data') };
  await using runtime = await Runtime.open(options);
  await using sandbox = await runtime.create();
  const host = join(directory, 'host');
  const root = join(directory, 'root');
  for (const path of [host, root]) mkdirSync(join(path, 'bench'), { recursive: true });
  await using chroot = await openChroot(pool, root);
  const places: Place[] = [
    {
      name: 'fs.promises',
      read: (path) => readFile(host + path),
      write: (path, data) => writeFile(host + path, data),
    },
    { name: 'Chroot', read: (path) => chroot.read(path), write: (path, data) => chroot.write(path, data) },
    {
      name: 'sandbox.files',
      read: (path) => sandbox.files.read(path),
      write: (path, data) => sandbox.files.write(path, data),
    },
  ];
  console.log(`load of the machine ${loadavg()[0]?.toFixed(2)}, ${rounds} rounds`);
  console.log(`${'µs a file'.padEnd(41)} ${['median', 'p95'].map((name) => name.padStart(8)).join(' ')}`);
  for (const [size, bytes, count] of sizes) {
    const data = Buffer.alloc(bytes, 'x');
    for (const [what, act] of [
      ['write', write],
      ['read', read],
    ] as const)
      for (const atATime of [1, inFlight])
        await compare(places, `${what} ${size}, ${atATime} at a time`, (place) =>
          round(place, act, data, count, atATime),
        );
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
