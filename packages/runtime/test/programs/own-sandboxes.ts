/** `own-sandboxes.ts RUN DATA COUNT [INSTANCE]`: opens a runtime, makes sandboxes with a program each, says so, and waits. */
import { Runtime } from '@hatchery/runtime';

const [runDirectory = '', dataDirectory = '', count = '', instance] = process.argv.slice(2);
const runtime = await Runtime.open({
  pool: false,
  runDirectory,
  dataDirectory,
  ...(instance === undefined ? {} : { instance }),
});
for (let index = 0; index < Number(count); index++) {
  // Twice under one id: what was handed on from the first must be found too.
  await (await runtime.create({ id: `owned${index}` })).destroy();
  const sandbox = await runtime.create({ id: `owned${index}` });
  await sandbox.exec(['sh', '-c', 'setsid sleep infinity & exec sleep infinity']);
}
process.stdout.write('ready\n');
process.stdin.resume();
process.stdin.on('end', () => {
  runtime.close().catch(() => {
    process.exitCode = 1;
  });
});
