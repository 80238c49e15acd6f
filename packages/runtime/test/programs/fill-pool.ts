/** `fill-pool.ts RUN DATA INSTANCE`: opens a runtime, takes a parked sandbox, says its id once the pool is full again, and waits. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Runtime } from '@hatchery/runtime';

const [runDirectory = '', dataDirectory = '', instance = ''] = process.argv.slice(2);
const runtime = await Runtime.open({ runDirectory, dataDirectory, instance, pool: { floor: 3, ceiling: 3 } });
const full = async (): Promise<void> => {
  while (runtime.poolStats()?.parked !== 3) await nextTurn();
};
await full();
const sandbox = await runtime.create();
await full();
process.stdout.write(`${sandbox.createdFrom === 'pool' ? sandbox.id : 'made on demand'}\n`);
process.stdin.resume();
