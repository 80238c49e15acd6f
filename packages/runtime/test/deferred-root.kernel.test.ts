import { expect, test } from 'vitest';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();

// Mutation, in turn: `reaper.held` not asked in census-of.ts; entry.cleanUp() left out of #dropRoot().
test('inv-64: while roots of destroyed sandboxes wait to be unmounted no census calls them a leak, and waitForLifecycles() waits for them', async () => {
  const { runtime } = used;
  const before = used.belongings();
  const sandboxes = await Promise.all(Array.from({ length: 6 }, () => runtime.create()));
  for (const sandbox of sandboxes) await shell(sandbox, 'mkdir /root/d; cd /root/d; seq 5000 | xargs touch');
  await Promise.all(sandboxes.map((sandbox) => sandbox.destroy()));
  expect((await runtime.census()).leaks).toEqual([]);
  await runtime.waitForLifecycles();
  expect(used.belongings().descriptors).toEqual(before.descriptors);
  await used.expectAgain(before);
});
