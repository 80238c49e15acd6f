/** `create-once.ts RUN DATA INSTANCE SPEC`: one create; prints what became of it and what was left, as JSON. */
import { setImmediate } from 'node:timers/promises';
import { Runtime, type SandboxSpec } from '@hatchery/runtime';
import { type Belongings, leakedSince, listBelongings } from '../../../../tests/hostile/leak-check.ts';

const [runDirectory = '', dataDirectory = '', instance = '', spec = '{}'] = process.argv.slice(2);
const scope = { runDirectory, instance };
/** Without what worker threads have their event loops by, which start with the first teardown and end with the close. */
function leftSince(earlier: Belongings): Omit<Belongings, 'namespaces'> {
  const { namespaces: _, ...left } = leakedSince(earlier, scope);
  const isThreads = (line: string): boolean => /anon_inode:\[event(poll|fd)\]|pipe:\[|io_uring/.test(line);
  return { ...left, descriptors: left.descriptors.filter((line) => !isThreads(line)) };
}

const atStart = listBelongings(scope);
const runtime = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance });
const before = listBelongings(scope);
const told = await runtime.create(JSON.parse(spec) as SandboxSpec).then(
  async (sandbox) => {
    const { stdout } = await sandbox.run(['echo', 'works']);
    await sandbox.destroy();
    return { code: null, step: null, text: stdout.toString() };
  },
  ({ code, step, message }: { code: string; step: string; message: string }) => ({ code, step, text: message }),
);
// What goes on its own is not left behind: the zygote reaps its children a moment after their exit was seen, and a worker
// thread that is starting has one module after the other open.
const deadline = performance.now() + 5000;
let leftByCreate = leftSince(before);
while (leftByCreate.processes.length + leftByCreate.descriptors.length > 0 && performance.now() < deadline) {
  await setImmediate();
  leftByCreate = leftSince(before);
}
await runtime.close();
process.stdout.write(JSON.stringify({ ...told, left: leftByCreate, leftByClose: leakedSince(atStart, scope) }));
