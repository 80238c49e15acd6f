/**
 * `leave-sandboxes.ts RUN DATA INSTANCE COUNT`: makes sandboxes with a program each, reads the first line of each, says
 * `ready` and waits to be killed. Programs go on when there is a file `/tmp/go`, write to both streams, and exit with the
 * number of their sandbox.
 */
import { once } from 'node:events';
import { Runtime } from '@hatchery/runtime';

const [runDirectory = '', dataDirectory = '', instance = '', count = ''] = process.argv.slice(2);
const runtime = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance });
const waiting = Array.from({ length: Number(count) }, (_, index) => index);

async function makeOne(index: number): Promise<void> {
  const sandbox = await runtime.create({ id: `left${index}`, metadata: { index: String(index) } });
  const script = `echo first; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo second; echo error >&2; exit ${index % 200}`;
  const execution = await sandbox.exec(['sh', '-c', script], { tag: `tag ${index}` });
  await once(execution.stdout, 'data');
}

async function makeNext(): Promise<void> {
  for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) await makeOne(index);
}

await Promise.all(Array.from({ length: 8 }, makeNext));
process.stdout.write('ready\n');
setInterval(() => {}, 1 << 30);
