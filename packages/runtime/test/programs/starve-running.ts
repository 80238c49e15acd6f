/**
 * `starve-running.ts RUN DATA INSTANCE`: what runs when the last descriptor is taken. Prints a line of JSON for each case;
 * of the last one, a broken connection, the parent's part is told by lines on both sides.
 */

import { once } from 'node:events';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import { Runtime } from '@hatchery/runtime';
import { takeDescriptors } from './take-descriptors.ts';

const [runDirectory = '', dataDirectory = '', instance = ''] = process.argv.slice(2);
const tell = (name: string, facts: object): void =>
  void process.stdout.write(`${JSON.stringify({ name, ...facts })}\n`);
const errors: string[] = [];
const silent = (): void => {};
const logger = { debug: silent, info: silent, warn: silent, error: (_: object, text: string) => errors.push(text) };

await using runtime = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance, logger });
await using sandbox = await runtime.create({ id: 'starved' });
await sandbox.run(['true'], { timeoutMs: 60_000 });

{
  const deaf = await sandbox.exec(['sh', '-c', "trap '' TERM; echo deaf; while :; do sleep 1000; done"], {
    timeoutMs: 2000,
    killGraceMs: 100,
  });
  await once(deaf.stdout, 'data');
  using _starving = { [Symbol.dispose]: takeDescriptors(0) };
  const { reason, signal } = await deaf.wait();
  tell('a timeout', { reason, signal });
}
{
  const killed = await sandbox.exec(['sh', '-c', 'read line; kill -9 $$'], { stdin: 'pipe' });
  using _starving = { [Symbol.dispose]: takeDescriptors(0) };
  killed.stdin?.write('go\n');
  const { reason, signal } = await killed.wait();
  tell('a kill from inside', { reason, signal });
}
{
  const talker = await sandbox.exec(['sh', '-c', 'read line; head -c 1000000 /dev/zero; exit 3'], { stdin: 'pipe' });
  using _starving = { [Symbol.dispose]: takeDescriptors(0) };
  let bytes = 0;
  talker.stdout.on('data', (data: Buffer) => (bytes += data.length));
  talker.stdin?.write('go\n');
  const { reason, exitCode } = await talker.wait();
  tell('output and exit', { reason, exitCode, bytes });
}
{
  const other = await runtime.create();
  const execution = await other.exec(['sleep', 'infinity']);
  const giveBack = takeDescriptors(0);
  const first = await other.destroy().then(
    () => 'done',
    (error: { code?: string }) => error.code,
  );
  giveBack();
  await other.destroy();
  const { reason } = await execution.wait();
  tell('destroy', { first, state: other.state, reason, sandboxes: runtime.list().length });
}
{
  const cat = await sandbox.exec(['cat'], { stdin: 'pipe' });
  const { openSync } = fs;
  let opens = 0;
  const tried = Promise.withResolvers<void>();
  fs.openSync = (path, ...rest) => {
    if (String(path).endsWith('/sandboxes/starved') && ++opens === 2) tried.resolve();
    return openSync(path, ...rest);
  };
  syncBuiltinESMExports();
  const lines = once(process.stdin, 'data');
  const giveBack = takeDescriptors(0);
  tell('starving', {});
  // The second try to connect comes after the first has failed.
  await tried.promise;
  giveBack();
  tell('fed', {});
  await lines; // the parent has seen the connection being taken back
  cat.stdin?.write('still here');
  const [echo] = await once(cat.stdout, 'data');
  tell('a broken connection', { echo: String(echo), state: sandbox.state });
  await cat.kill();
  await setImmediate();
}
// Threads that find no descriptor are told by their own pool.
tell('unhandled', { errors: errors.filter((text) => text.startsWith('an event')) });
process.stdin.destroy();
