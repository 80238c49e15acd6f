// usage: node src/main.ts [PORT [SECONDS]]      as root; SECONDS is what a program has
import { once } from 'node:events';
import { Runtime } from '@hatchery/runtime';
import { createSandboxServer } from './sandbox-server.ts';

const [port = '8080', seconds = '10'] = process.argv.slice(2);
await using runtime = await Runtime.open();
const server = createSandboxServer(runtime, { maxRunning: 8, timeoutMs: Number(seconds) * 1000 });
server.listen(Number(port), '127.0.0.1');
await once(server, 'listening');
const address = server.address();
console.log(`listening on http://127.0.0.1:${typeof address === 'object' ? address?.port : address}`);

await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
server.close();
server.closeAllConnections();
// Leaving the block closes the runtime, which ends the sandboxes of whoever was still being served.
