/** `create-once.ts RUN DATA INSTANCE SPEC`: one create; prints what became of it and what was left, as JSON. */
import { setImmediate } from 'node:timers/promises';
import { Runtime, type SandboxSpec } from '@hatchery/runtime';
import { leakedSince, listBelongings } from '../../../../tests/hostile/leak-check.ts';

const [runDirectory = '', dataDirectory = '', instance = '', spec = '{}'] = process.argv.slice(2);
const scope = { runDirectory, instance };
const atStart = listBelongings(scope);
const runtime = await Runtime.open({ runDirectory, dataDirectory, instance });
const before = listBelongings(scope);
const told = await runtime.create(JSON.parse(spec) as SandboxSpec).then(
  async (sandbox) => {
    const { stdout } = await sandbox.run(['echo', 'works']);
    await sandbox.destroy();
    return { code: null, step: null, text: stdout.toString() };
  },
  ({ code, step, message }: { code: string; step: string; message: string }) => ({ code, step, text: message }),
);
// The zygote reaps its children a moment after their exit was seen: a process that goes on its own is not left behind.
const deadline = performance.now() + 5000;
let { namespaces: _, ...leftByCreate } = leakedSince(before, scope);
while (leftByCreate.processes.length > 0 && performance.now() < deadline) {
  await setImmediate();
  ({ namespaces: _, ...leftByCreate } = leakedSince(before, scope));
}
await runtime.close();
process.stdout.write(JSON.stringify({ ...told, left: leftByCreate, leftByClose: leakedSince(atStart, scope) }));
