/**
 * `sweep-victim.ts RUN DATA INSTANCE OPERATION [NETNS LEASES]`: brings a sandbox where the operation begins, prints `ready` with the pids
 * of the zygote and of the init (0: none yet), waits for a line, does the operation, prints how it went, and waits to be killed.
 */
import { openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Runtime, type Sandbox, type SandboxSpec } from '@hatchery/runtime';
import { initOf, zygoteOf } from '../host-view.ts';

const [runDirectory = '', dataDirectory = '', instance = '', operation = '', netns = '', leaseDirectory = ''] =
  process.argv.slice(2);
// System calls are counted: nothing is made beside the operation.
const pool = { park: { floor: 0, ceiling: 1 }, take: { floor: 1, ceiling: 1 } }[operation] ?? false;
const network = netns === '' ? {} : { network: { hostNetns: openSync(netns, 'r'), leaseDirectory } };
const runtime = await Runtime.open({ runDirectory, dataDirectory, instance, pool, ...network });

async function untilParked(): Promise<void> {
  while (runtime.poolStats()?.parked !== 1) await nextTurn();
}

const isOnDisk = operation === 'stop' || operation === 'start';
const disk: SandboxSpec = { root: 'disk', limits: { rootBytes: 2 ** 24 } };
const slot: SandboxSpec = { network: { deny: ['203.0.113.0/24'] } };
const spec: SandboxSpec = { id: 'victim', ...(isOnDisk ? disk : {}), ...(netns === '' ? {} : slot) };

const operations: Record<string, (sandbox: Sandbox) => Promise<unknown>> = {
  exec: (sandbox) => sandbox.exec(['sleep', 'infinity']),
  pause: (sandbox) => sandbox.pause(),
  resume: (sandbox) => sandbox.resume(),
  stop: (sandbox) => sandbox.stop(),
  start: (sandbox) => sandbox.start(),
  destroy: (sandbox) => sandbox.destroy(),
  // With all that comes after it: its slot is released in the background.
  'destroy on a slot': async (sandbox) => {
    await sandbox.destroy();
    await runtime.waitForLifecycles();
  },
  updateNetwork: (sandbox) => sandbox.updateNetwork({ allow: ['198.51.100.2', '198.51.100.8/29'] }),
};

async function begin(): Promise<() => Promise<unknown>> {
  if (operation === 'create' || operation === 'create on a slot') return () => runtime.create(spec);
  if (operation === 'take') {
    await untilParked();
    return () => runtime.create();
  }
  // It is made once this one is: at the next lull.
  if (operation === 'park') return () => runtime.create().then(untilParked);
  const act = operations[operation];
  if (act === undefined) throw new Error(`"${operation}" is no operation of the sweep`);
  const sandbox = await runtime.create(spec);
  if (operation !== 'exec') await sandbox.exec(['sleep', 'infinity']);
  if (operation === 'resume') await sandbox.pause();
  if (operation === 'start') await sandbox.stop();
  return () => act(sandbox);
}

const act = await begin();
const hasNone = ['create', 'create on a slot', 'start', 'park', 'take'].includes(operation);
const init = hasNone ? 0 : initOf(instance, 'victim');
process.stdout.write(`ready ${zygoteOf(instance)} ${init}\n`);
for await (const _line of createInterface({ input: process.stdin })) {
  const outcome = await act().then(
    () => 'done',
    (error: unknown) => `failed ${(error as { code?: string }).code ?? String(error)}`,
  );
  process.stdout.write(`${outcome}\n`);
}
