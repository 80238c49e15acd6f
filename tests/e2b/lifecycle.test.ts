import { describe, expect, it, vi } from 'vitest';
import { clientPackages, clientVersion, importClient } from './client.ts';
import { useServe } from './use-serve.ts';

useServe();
const versions = clientPackages.map((name) => ({ name, version: clientVersion(name) }));
const patience = { timeout: 60_000 };

describe.each(versions)('with the published client $version', ({ name }) => {
  it(
    'sandboxes are listed in pages by odd metadata, paused ones at their place, and killed once',
    patience,
    async () => {
      const { Sandbox } = await importClient(name);
      const metadata = { 'a b&c=d': '100% ü+/', run: `${name} ${process.pid}` };
      const made: string[] = [];
      for (let one = 0; one < 3; one++) made.push((await Sandbox.create('base', { metadata })).sandboxId);
      expect([await Sandbox.pause(String(made[1])), await Sandbox.pause(String(made[1]))]).toEqual([true, false]);
      const pages = Sandbox.list({ query: { metadata, state: ['running', 'paused'] }, limit: 2 });
      const listed = [await pages.nextItems(), await pages.nextItems()];
      expect(listed.map((page) => page.map(({ sandboxId, state }) => [sandboxId, state]))).toEqual([
        [
          [made[2], 'running'],
          [made[1], 'paused'],
        ],
        [[made[0], 'running']],
      ]);
      expect([pages.hasNext, listed[0]?.[0]?.metadata]).toEqual([false, metadata]);
      const others = Sandbox.list({ query: { metadata: { ...metadata, run: 'another' } } });
      expect(await others.nextItems()).toEqual([]);
      for (const id of made) expect([await Sandbox.kill(id), await Sandbox.kill(id)]).toEqual([true, false]);
      await expect(Sandbox.getInfo(String(made[0]))).rejects.toMatchObject({ name: 'SandboxNotFoundError' });
    },
  );

  it('a pause that keeps the memory goes on, one that does not keeps the files and boots anew', patience, async () => {
    const { Sandbox } = await importClient(name);
    const sandbox = await Sandbox.create('base', { timeoutMs: 300_000 });
    const boot = async (): Promise<string> =>
      (await sandbox.commands.run('cat /proc/sys/kernel/random/boot_id')).stdout.trim();
    const first = await boot();
    await sandbox.files.write('kept', 'content');
    const started = await sandbox.commands.run('sleep 1000', { background: true });
    const pids = async (): Promise<number[]> => (await sandbox.commands.list()).map(({ pid }) => pid);
    await sandbox.pause();
    expect(await sandbox.isRunning()).toBe(false);
    await Sandbox.connect(sandbox.sandboxId);
    expect([await boot(), await pids()]).toEqual([first, [started.pid]]);
    await sandbox.pause({ keepMemory: false });
    expect(await sandbox.isRunning()).toBe(false);
    await Sandbox.connect(sandbox.sandboxId);
    expect([await sandbox.files.read('kept'), await pids()]).toEqual(['content', []]);
    expect(await boot()).not.toBe(first);
    await sandbox.kill();
  });

  it('a timeout is told, moved, and ends in the pause that was asked for', patience, async () => {
    const { Sandbox } = await importClient(name);
    const sandbox = await Sandbox.create('base', { timeoutMs: 60_000, lifecycle: { onTimeout: 'pause' } });
    const { startedAt, endAt, lifecycle } = await sandbox.getInfo();
    expect(Math.floor((endAt.getTime() - startedAt.getTime()) / 1000)).toBe(60);
    expect(lifecycle).toEqual({ onTimeout: 'pause', autoResume: false });
    await sandbox.setTimeout(600_000);
    expect((await sandbox.getInfo()).endAt.getTime()).toBeGreaterThan(endAt.getTime());
    await sandbox.setTimeout(1000);
    await vi.waitFor(async () => expect((await sandbox.getInfo()).state).toBe('paused'), { timeout: 20_000 });
    await Sandbox.connect(sandbox.sandboxId, { timeoutMs: 120_000 });
    expect((await sandbox.getInfo()).endAt.getTime()).toBeGreaterThan(Date.now() + 60_000);
    await sandbox.kill();
  });
});
