// usage: npm run soak -- [executions|lifecycles|swaps|entries|slots] [COUNT] [SEED]
//        npm run soak -- e2b [SECONDS] [SEED]
//
// The long forms of six tests. `executions` (100000): commands of known code and output, to each of which something is
// done at a random moment. `lifecycles` (10000): sandboxes created, paused, resumed and destroyed while parts are killed.
// `swaps` (1000000): so many exchanges of directories, files and links under each call on a sandbox's files, with the
// naive form of the same calls as the control. `entries` (1000000): a directory of so many, listed in pages and removed.
// `slots` (1000): so many sandboxes on network slots of a made-up host, of which nothing may be left.
// `e2b` (600 seconds): 50 of the published clients at once, 5 % of them hostile, against a `serve` of its own.
// Tells how they ended, memory and descriptors on the way, and whatever was wrong.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Runtime } from '@hatchery/runtime';
import { soakExecutions } from '../packages/runtime/test/soak-executions.ts';
import { type SoakSample, sample, soakLifecycles } from '../packages/runtime/test/soak-lifecycles.ts';
import { soakSlots } from '../packages/runtime/test/soak-slots.ts';
import { soakE2b } from '../tests/e2b/soak-e2b.ts';
import { soakEntries } from '../tests/hostile/soak-entries.ts';
import { soakSwaps } from '../tests/hostile/soak-swaps.ts';

const [kind = 'executions', wanted, seedText = String(Date.now() % 2 ** 32)] = process.argv.slice(2);
if (kind === 'e2b') {
  process.exitCode = await soakE2b(Number(wanted ?? 600), Number(seedText));
  process.exit();
}
const soaks = { executions, lifecycles, swaps, entries, slots };
const counts = { executions: 100_000, lifecycles: 10_000, swaps: 1_000_000, entries: 1_000_000, slots: 1000 };
const isKnown = (name: string): name is keyof typeof soaks => Object.hasOwn(soaks, name);
if (!isKnown(kind)) throw new Error(`soak: "${kind}" is none of ${Object.keys(soaks).join(', ')}`);
const count = Number(wanted ?? counts[kind]);
const seed = Number(seedText);
if (!Number.isInteger(count) || count < 1) throw new Error(`soak: "${wanted}" is no count`);

const instance = `soak-${process.pid}`;
const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20);
const tell = ({ cycles, rssBytes, descriptors }: SoakSample): void =>
  void process.stderr.write(`${cycles}: ${mebibytes(rssBytes)} MiB, ${descriptors} descriptors\n`);

async function executions(runtime: Runtime): Promise<readonly string[]> {
  const onProgress = (done: number): void => {
    if (done % 5000 === 0) tell(sample(done));
  };
  const { exits, reasons, wrong } = await soakExecutions(runtime, { executions: count, seed, onProgress });
  console.log(`${exits} exits, reasons ${JSON.stringify(reasons)}`);
  return exits === count ? wrong : [...wrong, `${exits} exits of ${count} executions`];
}

async function lifecycles(runtime: Runtime): Promise<readonly string[]> {
  const { kills, failures, wrong } = await soakLifecycles(runtime, { cycles: count, seed, instance, onProgress: tell });
  const { leaks } = await runtime.census();
  console.log(
    `killed ${JSON.stringify(kills)}, calls that failed by it ${JSON.stringify(failures)}, ${leaks.length} leaks`,
  );
  return [...wrong, ...leaks.map((leak) => JSON.stringify(leak))];
}

async function swaps(runtime: Runtime): Promise<readonly string[]> {
  const scope = { runDirectory: join(place, 'run'), instance };
  return await soakSwaps(runtime, { scope, directory: place, swaps: count, seed, tell: console.log });
}

async function entries(runtime: Runtime): Promise<readonly string[]> {
  return await soakEntries(runtime, { directory: place, entries: count, tell: console.log });
}

async function slots(): Promise<readonly string[]> {
  const [runDirectory, dataDirectory] = [join(place, 'run'), join(place, 'data')];
  return await soakSlots({ slots: count, runDirectory, dataDirectory, tell: console.log });
}

const place = mkdtempSync('/dev/shm/hatchery-soak-');
try {
  const named = kind === 'executions' ? {} : { instance };
  await using runtime = await Runtime.open({
    runDirectory: join(place, 'run'),
    dataDirectory: join(place, 'data'),
    ...named,
  });
  const before = sample(0);
  const started = performance.now();
  const wrong = await soaks[kind](runtime);
  const seconds = (performance.now() - started) / 1000;
  const after = sample(count);
  console.log(`seed ${seed}: ${count} ${kind} in ${seconds.toFixed(0)} s (${(count / seconds).toFixed(0)} a second)`);
  console.log(
    `memory ${mebibytes(before.rssBytes)} -> ${mebibytes(after.rssBytes)} MiB, descriptors ${before.descriptors} -> ${after.descriptors}`,
  );
  for (const fault of wrong.slice(0, 20)) console.log(`wrong: ${fault}`);
  console.log(`${wrong.length} wrong`);
  if (wrong.length > 0) process.exitCode = 1;
} finally {
  rmSync(place, { recursive: true, force: true });
}
