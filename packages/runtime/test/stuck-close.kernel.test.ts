import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Runtime } from '../src/index.ts';
import { ended, linesOf, nextLine, startProgram } from './run-program.ts';
import { usePlace } from './use-runtime.ts';

const place = usePlace();
const open = (): Promise<Runtime> => {
  const { runDirectory, dataDirectory, instance } = place;
  return Runtime.open({ pool: false, runDirectory, dataDirectory, instance });
};

/** A mount on a sandbox's directory, as an administrator's mistake: the kernel does not remove it (EBUSY). */
function mountOn(sandboxId: string): () => void {
  const directory = join(place.runDirectory, 'instances', place.instance, 'sandboxes', sandboxId);
  execFileSync('mount', ['--bind', directory, directory]);
  let mounted = true;
  const unmount = (): void => {
    if (mounted) execFileSync('umount', [directory]);
    mounted = false;
  };
  onTestFinished(unmount);
  return unmount;
}

// Mutation: close() takes no notice of what failed.
test('inv-6, inv-7: a sandbox that cannot be removed at close is told by step, whoever waits is told too, and the next open removes it', async () => {
  const runtime = await open();
  const sandbox = await runtime.create();
  const other = await runtime.create();
  const execution = await sandbox.exec(['sh', '-c', 'echo up; exec sleep infinity']);
  await once(execution.stdout, 'data');
  const unmount = mountOn(sandbox.id);
  const waiting = execution.wait();
  await expect(runtime.close()).rejects.toMatchObject({
    code: 'ERR_RESOURCES',
    message: expect.stringContaining('1 sandboxes could not be removed'),
    cause: {
      errors: [expect.objectContaining({ code: 'ERR_RESOURCES', message: expect.stringContaining(sandbox.id) })],
    },
  });
  expect(await waiting).toMatchObject({ exitCode: null, reason: 'forced-close' });
  expect(other.state).toBe('destroyed');
  await expect(runtime.create()).rejects.toMatchObject({ code: 'ERR_RUNTIME_CLOSED' });
  unmount();
  await using next = await open();
  expect(next.list()).toEqual([]);
  await next.close();
  await place.expectNoLeaks();
});

// Mutation: close() stops at what failed: the zygote's channel keeps the process alive.
test('inv-7: a program whose close could not remove a sandbox still ends by itself', async () => {
  const { runDirectory, dataDirectory, instance } = place;
  const child = startProgram(new URL('./programs/own-sandboxes.ts', import.meta.url), [
    runDirectory,
    dataDirectory,
    '1',
    instance,
  ]);
  const end = ended(child);
  expect(await nextLine(linesOf(child))).toBe('ready');
  const unmount = mountOn('owned0');
  child.stdin?.end();
  expect(await end).toMatchObject({ code: 1 });
  unmount();
  await (await open()).close();
  await place.expectNoLeaks();
});
