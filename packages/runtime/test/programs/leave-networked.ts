/**
 * `leave-networked.ts RUN DATA INSTANCE NETNS LEASES [RULES]`: makes a sandbox on a slot (`left`) that holds a connection to
 * 198.51.100.2, gives it the rules if there are any, says `ready` and waits to be killed. An empty INSTANCE is a private one.
 */
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { Runtime } from '@hatchery/runtime';

const [runDirectory = '', dataDirectory = '', instance = '', netns = '', leaseDirectory = '', rules = ''] =
  process.argv.slice(2);
const name = instance === '' ? {} : { instance };
const network = { hostNetns: openSync(netns, 'r'), leaseDirectory };
const runtime = await Runtime.open({ pool: false, runDirectory, dataDirectory, ...name, network });
const sandbox = await runtime.create({ id: 'left', network: 'slot' });
const held = await sandbox.exec(['bash', '-c', 'exec 3<>/dev/tcp/198.51.100.2/80; head -c 12 <&3; exec cat <&3']);
await once(held.stdout, 'data');
if (rules !== '') await sandbox.updateNetwork(JSON.parse(rules) as object);
process.stdout.write('ready\n');
setInterval(() => {}, 1 << 30);
