/** `adopt.ts RUN DATA INSTANCE`: opens the instance, prints the states of its sandboxes, and waits to be killed. */
import { Runtime } from '@hatchery/runtime';

const [runDirectory = '', dataDirectory = '', instance = ''] = process.argv.slice(2);
const runtime = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance });
const states = runtime.list().map(({ id, state }) => `${id} ${state}`);
process.stdout.write(`${states.toSorted().join(', ')}\n`);
setInterval(() => {}, 1 << 30);
