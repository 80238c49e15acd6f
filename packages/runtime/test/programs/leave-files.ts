/**
 * `leave-files.ts RUN DATA INSTANCE`: makes two sandboxes with a file each, pauses one of them, has a file open in both, says
 * `ready` and waits to be killed.
 */
import { once } from 'node:events';
import { Runtime } from '@hatchery/runtime';

const [runDirectory = '', dataDirectory = '', instance = ''] = process.argv.slice(2);
const runtime = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance });
for (const id of ['runs', 'paused']) {
  const sandbox = await runtime.create({ id });
  await sandbox.files.write('/srv/left', 'left');
  await sandbox.files.write('/srv/open', Buffer.alloc(1_000_000));
  await once(sandbox.files.readStream('/srv/open'), 'readable');
  if (id === 'paused') await sandbox.pause();
}
process.stdout.write('ready\n');
setInterval(() => {}, 1 << 30);
