/**
 * `exec-on-demand.ts RUN DATA INSTANCE`: a sandbox in which each line of input (`pipes`, `fed`, `tree` or `terminal`)
 * starts a command. Prints a line of JSON for each: what it came to, and what was left open. Ends with the input.
 */
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import { type ExecOptions, Runtime } from '@hatchery/runtime';
import { descriptorsOf } from '../host-view.ts';

const [runDirectory = '', dataDirectory = '', instance = ''] = process.argv.slice(2);
const ways: Readonly<Record<string, ExecOptions>> = {
  pipes: {},
  fed: { stdin: 'pipe' },
  tree: { timeoutMs: 3_600_000 },
  terminal: { tty: { columns: 80, rows: 24 }, stdin: 'pipe' },
};

await using runtime = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance });
await using sandbox = await runtime.create({ id: 'demanded' });

async function start(options: ExecOptions): Promise<string> {
  try {
    const execution = await sandbox.exec(['sleep', 'infinity'], options);
    await execution.kill();
    execution.stdout.destroy();
    execution.stderr.destroy();
    await execution.wait();
    return 'done';
  } catch (error) {
    return (error as { code?: string }).code ?? 'an error without a code';
  }
}

async function leftSince(before: readonly string[]): Promise<string[]> {
  const deadline = performance.now() + 5000;
  for (;;) {
    const left = descriptorsOf('self').filter((line) => !before.includes(line));
    if (left.length === 0 || performance.now() > deadline) return left;
    await setImmediate();
  }
}

for (const options of Object.values(ways)) await start(options);
await setImmediate();
process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  const before = descriptorsOf('self');
  const code = await start(ways[line] ?? {});
  process.stdout.write(`${JSON.stringify({ code, left: await leftSince(before) })}\n`);
}
