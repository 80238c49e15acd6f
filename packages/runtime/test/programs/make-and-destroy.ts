/** `make-and-destroy.ts RUN DATA ROUNDS`: sandboxes in a private instance, each with a program whose output is checked. */
import { Runtime } from '@hatchery/runtime';

const [runDirectory = '', dataDirectory = '', rounds = ''] = process.argv.slice(2);
await using runtime = await Runtime.open({ runDirectory, dataDirectory });
for (let round = 0; round < Number(rounds); round++) {
  await using sandbox = await runtime.create();
  const { stdout } = await sandbox.run(['sh', '-c', `echo ${process.pid}-${round}`]);
  process.stdout.write(`${stdout.toString().trim() === `${process.pid}-${round}` ? 'good' : 'bad'}\n`);
}
