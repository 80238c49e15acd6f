/**
 * `leave-sandboxes.ts RUNTIME RUN DATA VOLUME`: with the runtime at that path, of another build, makes what a server of that build
 * leaves when it is killed: `talking`, on a network slot and with a volume, with a program of which it has read some lines and one
 * that has yet to exit; `paused`; `stopped`, with a file on its disk. Says `ready` and waits to be killed.
 */
import { once } from 'node:events';

const [runtimePath = '', runDirectory = '', dataDirectory = '', source = ''] = process.argv.slice(2);
// Its calls are those of today: they are fixed (docs of the library).
const { Runtime } = (await import(runtimePath)) as typeof import('@hatchery/runtime');
const runtime = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance: 'main' });

const until = (file: string): string => `until [ -e ${file} ]; do sleep 0.05; done`;
const talking = await runtime.create({
  id: 'talking',
  network: 'slot',
  volumes: [{ source, target: '/mnt' }],
  metadata: { made: 'before' },
  env: { FROM: 'before' },
});
const say = (from: number, to: number): string => `for i in $(seq ${from} ${to}); do echo line-$i; done`;
// What is said first has been read and put on record when this process says that it is ready: no read is on its way then.
const script = `${say(1, 200)}; ${until('/mnt/go')}; ${say(201, 400)}; touch /mnt/said; ${until('/tmp/end')}; echo last; exit 7`;
const speaker = await talking.exec(['sh', '-c', script], { tag: 'speaker' });
await talking.exec(['sh', '-c', `${until('/mnt/go')}; echo meanwhile; touch /mnt/ended; exit 5`], { tag: 'meanwhile' });
const paused = await runtime.create({ id: 'paused' });
await paused.exec(['sh', '-c', `${until('/tmp/end')}; exit 3`], { tag: 'frozen' });
await paused.pause();
const stopped = await runtime.create({ id: 'stopped', root: 'disk' });
await stopped.files.write('/srv/file', 'kept');
await stopped.stop();

let heard = '';
while (!heard.endsWith('line-200\n')) heard += String((await once(speaker.stdout, 'data'))[0]);
process.stdout.write('ready\n');
setInterval(() => {}, 1 << 30);
