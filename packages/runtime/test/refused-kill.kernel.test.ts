import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { sandboxDirectory } from '../src/instance/sandbox-directory.ts';
import { initOf, unifiedCgroup } from './host-view.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();

/** What the kernel refuses every write to lies over the file that kills. */
function refuseKill(sandboxId: string): () => void {
  const file = join(unifiedCgroup(used.place.instance, sandboxId), 'cgroup.kill');
  execFileSync('mount', ['--bind', '/proc/version', file]);
  let isMounted = true;
  const unmount = (): void => {
    if (isMounted) execFileSync('umount', [file]);
    isMounted = false;
  };
  onTestFinished(unmount);
  return unmount;
}

// Mutation: the error of the kill ignored in native/teardown.
test('inv-37, inv-67: a kill that is refused is an error: what still runs keeps its record, directory, ids and cgroups', async () => {
  const { runtime, place } = used;
  const before = used.belongings();
  const sandbox = await runtime.create();
  const execution = await sandbox.exec(['sleep', 'infinity']);
  const init = initOf(place.instance, sandbox.id);
  const directory = sandboxDirectory(join(place.runDirectory, 'instances', place.instance), sandbox.id);
  const record = readFileSync(join(directory, 'record'), 'utf8');
  const range = /^range (.*)$/m.exec(record)?.[1] ?? '';
  const allow = refuseKill(sandbox.id);
  for (let attempt = 0; attempt < 2; attempt++) {
    await expect(sandbox.destroy()).rejects.toMatchObject({ code: 'ERR_RESOURCES', step: 'kill every process' });
    expect(runtime.get(sandbox.id)).toBe(sandbox);
    expect(sandbox.state).toBe('destroying');
    expect(() => process.kill(init, 0)).not.toThrow();
    expect(readFileSync(join(directory, 'record'), 'utf8')).toBe(record);
    expect(existsSync(unifiedCgroup(place.instance, `${sandbox.id}/work`))).toBe(true);
    expect(execFileSync('readlink', [range]).toString()).toContain(place.instance);
  }
  allow();
  await sandbox.destroy();
  expect(await execution.wait()).toMatchObject({ reason: 'destroyed' });
  expect(sandbox.state).toBe('destroyed');
  await used.expectAgain(before);
});
