/**
 * `crowd.ts RUN DATA INSTANCE COUNT`: sandboxes with a program each that writes numbered lines as fast as they are read
 * and, told to, ends with a code of its own; reads them all, and waits to be killed. Says `ready` once each has written.
 */
import { once } from 'node:events';
import { Runtime } from '@hatchery/runtime';

const [runDirectory = '', dataDirectory = '', instance = '', count = ''] = process.argv.slice(2);
const runtime = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance });
const waiting = Array.from({ length: Number(count) }, (_, index) => index);

/** As much as the ring keeps, and no more: so that every byte can be looked at afterwards. */
const program = `
import os, sys, time
lines = 0
while not os.path.exists('/tmp/go') and lines < 100000:
    sys.stdout.write('%07d\\n' % lines); lines += 1
    if lines % 200 == 0: sys.stdout.flush(); time.sleep(0.05)
while not os.path.exists('/tmp/go'): time.sleep(0.05)
sys.stdout.write('last\\n'); sys.stdout.flush()
sys.exit(int(sys.argv[1]))`;

async function makeOne(index: number): Promise<void> {
  const sandbox = await runtime.create({ id: `one${index}`, limits: { memoryBytes: 2 ** 26 } });
  const execution = await sandbox.exec(['python3', '-c', program, String(index % 200)]);
  await once(execution.stdout, 'data');
  execution.stdout.resume();
}

async function makeNext(): Promise<void> {
  for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) await makeOne(index);
}

await Promise.all(Array.from({ length: 8 }, makeNext));
process.stdout.write('ready\n');
setInterval(() => {}, 1 << 30);
