/**
 * `starve.ts RUN DATA INSTANCE`: does each of its acts with no free descriptor, with one, with two and so on until it
 * succeeds. Prints one line of JSON for each act: what each try came to, and what was left open.
 */
import { setImmediate } from 'node:timers/promises';
import { BlockingPool } from '@hatchery/blocking-io';
import { Runtime, type Sandbox } from '@hatchery/runtime';
import { descriptorsOf } from '../host-view.ts';
import { takeDescriptors } from './take-descriptors.ts';

const [runDirectory = '', dataDirectory = '', instance = ''] = process.argv.slice(2);
const most = 200;

/** What is open now and was not before; what goes by itself gets the time it takes. */
async function leftSince(before: readonly string[]): Promise<string[]> {
  const deadline = performance.now() + 5000;
  for (;;) {
    const left = descriptorsOf('self').filter((line) => !before.includes(line));
    if (left.length === 0 || performance.now() > deadline) return left;
    await setImmediate();
  }
}

const outcomeOf = (act: Promise<unknown>): Promise<string> =>
  act.then(
    () => 'done',
    (error: unknown) => String((error as { code?: string }).code ?? error),
  );

// One thread, which is up: another would start whenever two jobs meet, and has descriptors of its own.
await using workers = await BlockingPool.open({ threads: 1 });
await using runtime = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance, workers });
await workers.run('syncFileSystem', { path: runDirectory });
await using sandbox = await runtime.create();
const tty = { columns: 80, rows: 24 };

async function endOf(starting: ReturnType<Sandbox['exec']>): Promise<void> {
  const execution = await starting;
  execution.stdout.destroy();
  execution.stderr.destroy();
  await execution.wait();
}

const acts: Readonly<Record<string, () => Promise<unknown>>> = {
  'exec on pipes': () => endOf(sandbox.exec(['true'])),
  'exec that is fed and not durable': () => endOf(sandbox.exec(['true'], { stdin: 'pipe', durable: false })),
  'exec with a tree of its own': () => endOf(sandbox.exec(['true'], { timeoutMs: 3_600_000 })),
  'exec on a terminal': () => endOf(sandbox.exec(['true'], { tty, stdin: 'pipe' })),
  run: () => sandbox.run(['true'], { input: 'x' }),
  create: async () => (await runtime.create()).destroy(),
};

for (const [name, act] of Object.entries(acts)) {
  await act(); // what is opened once and kept
  await setImmediate();
  const before = descriptorsOf('self');
  const outcomes: string[] = [];
  const left: string[] = [];
  for (let free = 0; free < most && outcomes.at(-1) !== 'done'; free++) {
    const giveBack = takeDescriptors(free);
    outcomes.push(await outcomeOf(act()));
    giveBack();
    // One that could not be made is listed with its reason, and one that could not be removed is there to be removed.
    for (const other of runtime.list()) if (other !== sandbox) await other.destroy();
    left.push(...(await leftSince(before)));
  }
  const [works, running] = [await outcomeOf(act()), sandbox.executions().length];
  const sandboxes = runtime.list().length;
  process.stdout.write(`${JSON.stringify({ name, outcomes, left, works, running, sandboxes })}\n`);
}
