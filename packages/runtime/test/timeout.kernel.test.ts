import { describe, expect, test, vi } from 'vitest';
import { LiveSandbox } from '../src/sandbox/sandbox.ts';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();
const patience = { timeout: 10_000 };

describe('a sandbox’s timeout', () => {
  // Mutation: the timer not armed at the create.
  test('destroys it when its time is up', async () => {
    const short = await used.runtime.create({ timeoutMs: 300 });
    const long = await used.runtime.create({ timeoutMs: 3_600_000 });
    expect(long.expiresAt?.getTime()).toBeGreaterThan(long.createdAt.getTime());
    const execution = await long.exec(['sleep', 'infinity']);
    long.setTimeout(1);
    expect(await execution.wait()).toMatchObject({ reason: 'destroyed' });
    await vi.waitUntil(() => used.runtime.list().length === 0, patience);
    expect([short.state, long.state]).toEqual(['destroyed', 'destroyed']);
  });

  // Mutation, in turn: onTimeout ignored; resume() does not renew the deadline.
  test('pauses it instead, and a resume begins it anew', async () => {
    await using sandbox = await used.runtime.create({ timeoutMs: 300, onTimeout: 'pause' });
    await vi.waitUntil(() => sandbox.state === 'paused', patience);
    expect(sandbox.expiresAt).toBeNull();
    sandbox.setTimeout(60_000);
    expect(sandbox.spec).toMatchObject({ timeoutMs: 60_000, onTimeout: 'pause', limits: { cpus: 1 }, env: {} });
    await sandbox.resume();
    expect(sandbox.expiresAt?.getTime()).toBeGreaterThan(Date.now() + 50_000);
    expect(await shell(sandbox, 'echo runs')).toBe('runs');
  });

  // Mutation: #stopIfDue() does nothing.
  test('stops it instead, with its root on disk, and a start begins it anew', async () => {
    const root = { root: 'disk', limits: { rootBytes: 2 ** 24 } } as const;
    await using sandbox = await used.runtime.create({ ...root, timeoutMs: 300, onTimeout: 'stop' });
    const { stateSince } = sandbox;
    await shell(sandbox, 'echo kept > /root/file');
    await vi.waitUntil(() => sandbox.state === 'stopped', patience);
    expect(sandbox.stateSince.getTime()).toBeGreaterThan(stateSince.getTime());
    sandbox.setTimeout(60_000);
    await sandbox.start();
    expect(sandbox.expiresAt?.getTime()).toBeGreaterThan(Date.now() + 50_000);
    expect(await shell(sandbox, 'cat /root/file')).toBe('kept');
  });

  // Mutation: Expiry.stop() leaves the timer and the deadline, and the new ones come beside them.
  test('that is put off or taken away does not happen', async () => {
    await using kept = await used.runtime.create();
    await using extended = await used.runtime.create();
    const due = await used.runtime.create();
    kept.setTimeout(50);
    extended.setTimeout(50);
    kept.setTimeout(null);
    extended.setTimeout(3_600_000);
    due.setTimeout(100);
    expect(kept.expiresAt).toBeNull();
    await vi.waitUntil(() => due.state === 'destroyed', patience);
    expect([kept.state, extended.state]).toEqual(['running', 'running']);
    expect(() => kept.setTimeout(-1)).toThrow('ERR_SPEC_INVALID');
    expect(() => due.setTimeout(5)).toThrow('ERR_SANDBOX_STATE');
  });

  // Mutation: the deadline goes by Date.now().
  test('goes by a clock that nobody can set', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      await using sandbox = await used.runtime.create({ timeoutMs: 3_600_000 });
      const due = await used.runtime.create({ timeoutMs: 300 });
      // Ahead nothing may be due, back it may not wait for a day.
      vi.setSystemTime(Date.now() + 86_400_000);
      sandbox.setTimeout(3_600_000);
      vi.setSystemTime(Date.now() - 2 * 86_400_000);
      await vi.waitUntil(() => due.state === 'destroyed', patience);
      expect(sandbox.state).toBe('running');
      expect(await shell(sandbox, 'echo runs')).toBe('runs');
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a time that comes while a pause is under way', () => {
  /** Its time is up in the middle of a pause, which then goes on. */
  async function passDuringPause(fails: boolean, meanwhile: (sandbox: LiveSandbox) => void): Promise<LiveSandbox> {
    const sandbox = await used.runtime.create();
    if (!(sandbox instanceof LiveSandbox) || sandbox.lifecycle === null) throw new Error('it has no lifecycle');
    const { cgroup } = sandbox.lifecycle;
    const gate = Promise.withResolvers<void>();
    const freeze = cgroup.freeze.bind(cgroup);
    const spy = vi.spyOn(cgroup, 'freeze').mockImplementationOnce(async (options) => {
      await gate.promise;
      if (fails) throw new Error('the freeze is told to have failed');
      await freeze(options);
    });
    sandbox.setTimeout(1);
    const pausing = sandbox.pause();
    const passed = (): boolean => (sandbox.expiresAt?.getTime() ?? 0) < Date.now() - 10;
    // Two looks: the timer, which is older, has fired before the second.
    await vi.waitUntil(passed, patience);
    await new Promise((resolve) => setTimeout(resolve, 1));
    expect(sandbox.state).toBe('pausing');
    meanwhile(sandbox);
    gate.resolve();
    await pausing.catch(() => {});
    spy.mockRestore();
    return sandbox;
  }

  // Mutation: #endIfDue() does not ask for the state.
  test('does not end what is paused by then', async () => {
    await using sandbox = await passDuringPause(false, () => {});
    sandbox.setTimeout(null);
    await sandbox.resume();
    expect(await shell(sandbox, 'echo runs')).toBe('runs');
  });

  // Mutation: #onExpired() does nothing unless the sandbox runs.
  test('comes all the same when the pause fails', async () => {
    const sandbox = await passDuringPause(true, () => {});
    await vi.waitUntil(() => sandbox.state === 'destroyed', patience);
  });

  // Mutation, in turn: #endIfDue() does not ask whether it is up; setTimeout() leaves the deadline during a pause.
  test('does not come when it is put off meanwhile, though the pause fails', async () => {
    await using sandbox = await passDuringPause(true, (pausing) => pausing.setTimeout(3_600_000));
    expect(await shell(sandbox, 'echo runs')).toBe('runs');
    expect(sandbox.state).toBe('running');
  });
});
