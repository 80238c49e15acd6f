import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { SandboxCgroup } from '../src/index.ts';
import { pidOf, release, TenantHouse } from './tenant.ts';
import { frozenByV1, v1Freezer } from './v1-freezer.ts';

const house = new TenantHouse();
house.install();

function sandboxNamed(name: string): SandboxCgroup {
  const sandbox = house.base().sandbox(name);
  sandbox.create();
  return sandbox;
}

function control(sandbox: SandboxCgroup, file: string): string {
  return readFileSync(`${sandbox.path}/${file}`, 'utf8').trim();
}

describe('freeze and thaw', () => {
  // Mutation: in SandboxCgroup.#freezable leave out `work`.
  it('a sandbox is frozen at its work; its init goes on, and thawed work ends as it would have', async () => {
    const sandbox = sandboxNamed('paused');
    const work = await house.enter(sandbox, ['say', 'from work'], 'work');
    const init = await house.enter(sandbox, ['say', 'from init'], 'init');
    await sandbox.freeze();
    expect(sandbox.frozen()).toBe(true);
    expect(sandbox.frozen('init')).toBe(false);
    release(work);
    release(init);
    expect(String(await once(init.stdout, 'data'))).toBe('from init');
    expect(work.stdout.read()).toBeNull();
    const said = once(work.stdout, 'data');
    await sandbox.thaw();
    expect(sandbox.frozen()).toBe(false);
    expect(String(await said)).toBe('from work');
  });

  // Mutation: in freeze() do without waitForState: a busy process is not still at once.
  it('is done only when a process that computes stands still', async () => {
    const sandbox = sandboxNamed('busy');
    const child = await house.enter(sandbox, ['burn', '1000000'], 'work');
    release(child);
    for (let round = 0; round < 20; round++) {
      await sandbox.freeze();
      expect(control(sandbox, 'work/cgroup.events')).toContain('frozen 1');
      await sandbox.thaw();
      expect(control(sandbox, 'work/cgroup.events')).toContain('frozen 0');
    }
  });

  it('freezing twice and thawing twice are fine, an empty group and one without parts too', async () => {
    const sandbox = sandboxNamed('twice');
    await sandbox.freeze();
    await sandbox.freeze();
    await sandbox.thaw();
    await sandbox.thaw();
    const group = house.base().group('plain');
    group.create();
    await house.enter(group, ['pause']);
    await group.freeze();
    expect(control(group, 'cgroup.freeze')).toBe('1');
    expect(group.frozen()).toBe(true);
    await group.thaw();
  });

  // Mutation: leave undo() out of freeze().
  it('what cannot stand still in time is named and thawed again, the rest with it', async (context) => {
    if (v1Freezer() === null) context.skip('needs a v1 freezer hierarchy, to make a process that does not freeze');
    const sandbox = sandboxNamed('stuck');
    const child = await house.enter(sandbox, ['pause'], 'work');
    const other = await house.enter(sandbox, ['say', 'still here'], 'work');
    await frozenByV1(child, async () => {
      await expect(sandbox.freeze({ timeoutMs: 50 })).rejects.toThrow(
        expect.objectContaining({
          code: 'ERR_CGROUP_TIMEOUT',
          pids: [pidOf(child)],
          message: expect.stringContaining(`in uninterruptible sleep: ${pidOf(child)}`),
        }),
      );
      expect(control(sandbox, 'work/cgroup.freeze')).toBe('0');

      const controller = new AbortController();
      const freezing = sandbox.freeze({ signal: controller.signal });
      const reason = new Error('no longer wanted');
      controller.abort(reason);
      await expect(freezing).rejects.toBe(reason);
      expect(control(sandbox, 'work/cgroup.freeze')).toBe('0');
      const said = once(other.stdout, 'data');
      release(other);
      expect(String(await said)).toBe('still here');
    });
  });

  it('a thaw that a frozen group above prevents says so', async () => {
    const sandbox = sandboxNamed('below');
    await house.enter(sandbox, ['pause'], 'work');
    await sandbox.freeze();
    writeFileSync(`${sandbox.path}/cgroup.freeze`, '1');
    await expect(sandbox.thaw({ timeoutMs: 20 })).rejects.toThrow(
      expect.objectContaining({
        code: 'ERR_CGROUP_TIMEOUT',
        message: expect.stringContaining('a cgroup above it is frozen'),
      }),
    );
  });

  it('a group that is gone cannot be frozen, and a signal that has fired changes nothing', async () => {
    const sandbox = sandboxNamed('gone');
    await expect(sandbox.freeze({ signal: AbortSignal.abort(new Error('too late')) })).rejects.toThrow('too late');
    expect(control(sandbox, 'work/cgroup.freeze')).toBe('0');
    await sandbox.remove();
    await expect(sandbox.freeze()).rejects.toThrow(expect.objectContaining({ code: 'ERR_CGROUP_GONE' }));
    await expect(sandbox.thaw()).rejects.toThrow(expect.objectContaining({ code: 'ERR_CGROUP_GONE' }));
    expect(() => sandbox.frozen()).toThrow(expect.objectContaining({ code: 'ERR_CGROUP_GONE' }));
  });
});
