import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, test, vi } from 'vitest';
import { pidsIn, unifiedCgroup, zygoteOf } from './host-view.ts';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();
const hasStrace = spawnSync('strace', ['-V']).status === 0;

/** Kills the zygote where it would end the child that lends it a user namespace, which is held where it ties its life to it. */
async function killBetween(zygote: number): Promise<{ traced: Promise<unknown> }> {
  const injected = ['inject=kill:signal=SIGKILL:when=1', 'inject=prctl:delay_enter=300000'];
  const args = ['-f', '-o', '/dev/null', '-e', 'trace=kill,prctl', ...injected.flatMap((what) => ['-e', what])];
  const strace = spawn('strace', [...args, '-p', String(zygote)], { stdio: ['ignore', 'ignore', 'pipe'] });
  const traced = once(strace, 'exit');
  for await (const line of createInterface({ input: strace.stderr })) if (line.includes('attached')) break;
  strace.stderr.resume();
  return { traced };
}

// Mutation: lend() does not ask who its parent is once it has tied its life to it.
test('inv-30: a zygote that is killed while it makes a user namespace leaves no process behind', async (context) => {
  if (!hasStrace) context.skip('strace is not installed');
  const { runtime, place } = used;
  const leaf = unifiedCgroup(place.instance, '@zygote');
  // The ranges of the first sandboxes have their namespaces already: each create here needs one more.
  const held = await Promise.all([0, 1].map(() => runtime.create()));
  const zygote = zygoteOf(place.instance);
  const { traced } = await killBetween(zygote);
  await expect(runtime.create()).rejects.toMatchObject({ code: 'ERR_ZYGOTE_LOST' });
  // strace ends with the last process that it traces.
  await traced;
  await vi.waitUntil(() => pidsIn(leaf).length === 1 && zygoteOf(place.instance) !== zygote, { timeout: 10_000 });
  await using next = await runtime.create();
  expect(await shell(next, 'echo here')).toBe('here');
  await Promise.all(held.map((sandbox) => sandbox.destroy()));
});
