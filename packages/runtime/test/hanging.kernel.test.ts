import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { StepList } from '../src/sandbox/step-list.ts';
import { unifiedCgroup } from './host-view.ts';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();

/** Stops every process of a sandbox, its init among them, as storage that hangs would. */
function freeze(sandboxId: string): () => void {
  const cgroup = unifiedCgroup(used.place.instance, sandboxId);
  writeFileSync(join(cgroup, 'cgroup.freeze'), '1');
  return () => writeFileSync(join(cgroup, 'cgroup.freeze'), '0');
}

function isFrozen(sandboxId: string): boolean {
  const events = readFileSync(join(unifiedCgroup(used.place.instance, sandboxId), 'cgroup.events'), 'latin1');
  return /^frozen 1$/m.test(events);
}

describe('a hanging request', () => {
  // Mutation: creates in flight limited to 1, so that the hanging one holds the place.
  test('inv-29: a create whose init hangs delays neither other creates nor their executions, and ends well when it is let go', async () => {
    const hanging = Promise.withResolvers<() => void>();
    // Called with its own `this` below.
    // oxlint-disable-next-line typescript/unbound-method
    const { run } = StepList.prototype;
    const spy = vi.spyOn(StepList.prototype, 'run').mockImplementation(function (this: StepList, step, act, undo) {
      // The moment: init has been cloned and is still at its checklist, or waits to be started.
      if (step.startsWith('park')) hanging.resolve(freeze('hangs'));
      return run.call(this, step, act, undo) as never;
    });
    onTestFinished(() => spy.mockRestore());
    const slow = used.runtime.create({ id: 'hangs' });
    const thaw = await hanging.promise;
    spy.mockRestore();
    const others = await Promise.all(Array.from({ length: 10 }, () => used.runtime.create()));
    for (const other of others) expect(await shell(other, 'echo here')).toBe('here');
    await Promise.all(others.map((other) => other.destroy()));
    expect(used.runtime.get('hangs')).toBeUndefined();
    thaw();
    await using sandbox = await slow;
    expect(await shell(sandbox, 'echo thawed')).toBe('thawed');
  });

  // Mutation: the starts of all sandboxes wait in one queue.
  test('inv-25, inv-29: an exec that hangs, on pipes or on a terminal, delays no other sandbox, and destroy ends it with a typed error', async () => {
    const stuck = await used.runtime.create();
    await using other = await used.runtime.create();
    freeze(stuck.id);
    const pending = stuck.exec(['true']).then(
      () => 'started',
      (error: { code: string }) => error.code,
    );
    const onTerminal = stuck.exec(['true'], { tty: { columns: 80, rows: 24 } }).then(
      () => 'started',
      (error: { code: string }) => error.code,
    );
    for (let count = 0; count < 20; count++) expect(await shell(other, 'echo here')).toBe('here');
    expect(isFrozen(stuck.id)).toBe(true);
    await stuck.destroy();
    expect(await pending).toBe('ERR_SANDBOX_LOST');
    expect(await onTerminal).toBe('ERR_SANDBOX_LOST');
    expect(stuck.state).toBe('destroyed');
  });
});
