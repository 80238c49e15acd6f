import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { useHostileRuntime } from './hostile-runtime.ts';

const hostile = useHostileRuntime();

/** Takes inotify instances until the kernel refuses, says how many, and keeps them until its input ends. */
const takeAll = `
import ctypes, sys
libc = ctypes.CDLL(None)
count = 0
while libc.inotify_init1(0) >= 0: count += 1
print(count, flush=True)
sys.stdin.read()`;

// Mutation: clone_lender() without set_effective_user(): the neighbour and the host then have none left.
test('one sandbox’s use of what the kernel counts per user leaves the neighbour’s and the host’s alone', async (context) => {
  if (spawnSync('/usr/bin/python3', ['-c', '']).status !== 0) context.skip('no /usr/bin/python3 in the image host');
  await using greedy = await hostile.create({ image: 'host' });
  await using neighbour = await hostile.create({ image: 'host' });
  const holder = await greedy.exec(['python3', '-c', takeAll], { stdin: 'pipe' });
  const [first] = (await holder.stdout.take(1).toArray()) as [Buffer];
  expect(Number(first.toString())).toBeGreaterThan(0);
  const { stdout } = await neighbour.run(['python3', '-c', takeAll], { input: '' });
  expect(Number(stdout.toString())).toBe(Number(first.toString()));
  const onHost = spawnSync('/usr/bin/python3', ['-c', 'import ctypes; print(ctypes.CDLL(None).inotify_init1(0) >= 0)']);
  expect(onHost.stdout.toString()).toBe('True\n');
  await holder.closeStdin();
  expect((await holder.wait()).reason).toBe('exited');
});
