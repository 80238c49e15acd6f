// usage: npm run soak -- [EXECUTIONS] [SEED]
//
// The long form of the race tests: executions of known code and output, to each of which something is done at a random
// moment (100000). Tells the reasons they ended with, the memory before and after, and whatever was wrong.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Runtime } from '@hatchery/runtime';
import { soakExecutions } from '../packages/runtime/test/soak-executions.ts';

const [wanted = '100000', seedText = String(Date.now() % 2 ** 32)] = process.argv.slice(2);
const executions = Number(wanted);
const seed = Number(seedText);
if (!Number.isInteger(executions) || executions < 1) throw new Error(`soak: "${wanted}" is no number of executions`);

const mebibytes = (): number => Math.round(process.memoryUsage().rss / 2 ** 20);
const place = mkdtempSync('/dev/shm/hatchery-soak-');
try {
  await using runtime = await Runtime.open({ runDirectory: join(place, 'run'), dataDirectory: join(place, 'data') });
  const before = mebibytes();
  const started = performance.now();
  const onProgress = (done: number): void => {
    if (done % 5000 === 0) process.stderr.write(`${done} executions, ${mebibytes()} MiB\n`);
  };
  const { exits, reasons, wrong } = await soakExecutions(runtime, { executions, seed, onProgress });
  const seconds = (performance.now() - started) / 1000;
  console.log(`seed ${seed}: ${exits} exits in ${seconds.toFixed(0)} s (${(exits / seconds).toFixed(0)} a second)`);
  console.log(`reasons: ${JSON.stringify(reasons)}; memory ${before} -> ${mebibytes()} MiB`);
  for (const fault of wrong.slice(0, 20)) console.log(`wrong: ${fault}`);
  console.log(`${wrong.length} wrong`);
  if (wrong.length > 0 || exits !== executions) process.exitCode = 1;
} finally {
  rmSync(place, { recursive: true, force: true });
}
