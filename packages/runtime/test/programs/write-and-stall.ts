/** `write-and-stall.ts RUN DATA INSTANCE`: makes the sandbox `s`, begins a write that never ends into it, says so, and waits to be killed. */
import { Readable } from 'node:stream';
import { Runtime } from '@hatchery/runtime';

const [runDirectory = '', dataDirectory = '', instance = ''] = process.argv.slice(2);
const runtime = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance });
const sandbox = await runtime.create({ id: 's' });
const source = new Readable({ read() {} });
source.push(Buffer.alloc(200_000, 'x'));
void sandbox.files.write('/srv/half', source);
for (let size = 0; size < 200_000; ) {
  await new Promise(setImmediate);
  size = (await sandbox.files.exists('/srv/half')) ? (await sandbox.files.stat('/srv/half')).size : 0;
}
process.stdout.write('stalled\n');
setInterval(() => {}, 1 << 30);
