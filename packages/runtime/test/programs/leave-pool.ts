/**
 * `leave-pool.ts RUN DATA INSTANCE NETNS LEASES`: makes and ends sandboxes on slots, so that a pool of eight fills up with such, says
 * `refilling` when the first ones are there and goes on until it is killed.
 */
import { openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Runtime } from '@hatchery/runtime';

const [runDirectory = '', dataDirectory = '', instance = '', netns = '', leaseDirectory = ''] = process.argv.slice(2);
const network = { hostNetns: openSync(netns, 'r'), leaseDirectory };
const runtime = await Runtime.open({ runDirectory, dataDirectory, instance, network, pool: { ceiling: 8 } });
for (let round = 0; round < 8; round++) await (await runtime.create({ network: 'slot' })).destroy();
// A user's pause: what is made ahead is made in it.
while ((runtime.poolStats()?.parked ?? 0) < 2) await delay(5);
process.stdout.write('refilling\n');
setInterval(() => {}, 1 << 30);
