import { closeSync, openSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { cloneTree, closeFd, currentDirectory } from '@hatchery/linux';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { CensusKind } from '../src/index.ts';
import { Debris } from './planted-debris.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();

describe('the census of a runtime', () => {
  // Mutation: the namespaces left out of takeCensus.
  test('sandboxes that run and that are paused are counted with all that they have, and are no leaks', async () => {
    const { runtime } = used;
    await (await runtime.create()).destroy();
    const before = await runtime.census();
    const running = await runtime.create();
    const paused = await runtime.create();
    await running.exec(['sleep', 'infinity'], { stdin: 'pipe', timeoutMs: 3_600_000 });
    await paused.exec(['sleep', 'infinity']);
    await paused.pause();
    const { counts, leaks, quarantined } = await runtime.census();
    const added = Object.fromEntries(
      Object.entries(counts).map(([kind, count]) => [kind, count - before.counts[kind as CensusKind]]),
    );
    expect(leaks).toEqual([]);
    expect(quarantined).toEqual([]);
    // Each: init and a program; a mount namespace; a directory, a record and a socket.
    expect(added).toMatchObject({ process: 4, mount: 2, socket: 2, directory: 2, record: 2, veth: 0 });
    expect(added['cgroup']).toBeGreaterThanOrEqual(2 * 3);
    // The zygote may just be making its next one.
    expect(added['netns']).toBeGreaterThanOrEqual(1);
    expect(added['fd']).toBeGreaterThanOrEqual(2 * 3);
    expect(counts.worker).toBeGreaterThan(0);
    expect(counts.uidRange).toBeGreaterThanOrEqual(2);
    await Promise.all([running.destroy(), paused.destroy()]);
    expect((await runtime.census()).leaks).toEqual([]);
  });

  // Mutations, in turn: the teardown leaves the directory, the root's descriptor; the locks are not asked; descriptors are
  // judged by what was known before they were looked at.
  test('inv-45, inv-64: after 200 sandboxes, created, used and destroyed eight at a time, the census is what it was', async () => {
    const { runtime } = used;
    await (await runtime.create()).destroy();
    const before = await runtime.census();
    let left = 200;
    const worker = async (): Promise<void> => {
      while (left-- > 0) {
        const sandbox = await runtime.create();
        await sandbox.run(['true']);
        if (left % 2 === 0) await sandbox.pause();
        // In the middle of everything: what comes and goes is no leak.
        if (left % 20 === 0) expect((await runtime.census()).leaks).toEqual([]);
        await sandbox.destroy();
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    const idle = ({ counts }: Awaited<ReturnType<typeof runtime.census>>): object => ({
      ...counts,
      uidRange: 0,
      worker: 0,
    });
    // Leases and threads are kept for the next ones. The zygote makes its next network namespace after the answer.
    await vi.waitFor(async () => expect(idle(await runtime.census())).toEqual(idle(before)), { timeout: 20_000 });
    expect((await runtime.census()).leaks).toEqual([]);
  }, 60_000);
});

describe('the census of a sandbox with its root on disk', () => {
  // Mutation: belongingsOf() says of every sandbox that it has processes.
  test('stopped it has directories and records, and nothing else', async () => {
    const { runtime } = used;
    const before = await runtime.census();
    const sandbox = await runtime.create({ root: 'disk', limits: { rootBytes: 2 ** 25 } });
    const running = await runtime.census();
    await sandbox.stop();
    const stopped = await runtime.census();
    expect([...running.leaks, ...stopped.leaks]).toEqual([]);
    // Its mount namespace, and the loop device.
    expect(running.counts.mount - before.counts.mount).toBe(2);
    const added = { directory: before.counts.directory + 2, record: before.counts.record + 2 };
    const { process, cgroup, mount, socket } = before.counts;
    expect(stopped.counts).toMatchObject({ process, cgroup, mount, socket, ...added });
    // Somebody's program in the place of its own.
    const debris = new Debris(used.place);
    const paths = debris.cgroups(sandbox.id);
    debris.sleeper(paths);
    expect((await runtime.census()).leaks).toHaveLength(paths.length + 1);
    await sandbox.destroy();
    const after = await runtime.census();
    expect(after.leaks).toEqual([]);
    expect(after.counts.directory).toBe(before.counts.directory);
  });
});

describe('inv-64: what nobody accounts for is a leak of its kind', () => {
  const leaksOf = async (): Promise<Record<string, unknown>[]> =>
    (await used.runtime.census()).leaks.map((leak) => ({ ...leak })).toSorted((a, b) => a.kind.localeCompare(b.kind));

  test('cgroups and a process in them', async () => {
    const debris = new Debris(used.place);
    const paths = debris.cgroups('stray');
    const { pid } = debris.sleeper(paths);
    const leaks = await leaksOf();
    expect(leaks).toHaveLength(paths.length + 1);
    for (const path of paths) expect(leaks).toContainEqual({ kind: 'cgroup', what: path, sandboxId: 'stray' });
    // Once, although it is in each hierarchy.
    const what = expect.stringMatching(`^${pid} in .*/stray$`) as string;
    expect(leaks).toContainEqual({ kind: 'process', what, sandboxId: 'stray' });
  });

  test('a directory without a record, one with half a record, a link, a lease', async () => {
    const debris = new Debris(used.place);
    const empty = debris.directory('empty');
    const half = debris.directory('half', 'hatchery-record 2\nid ha');
    const link = debris.link('link', debris.instanceDirectory);
    const range = debris.range('empty');
    expect(await leaksOf()).toEqual([
      { kind: 'directory', what: empty, sandboxId: 'empty' },
      { kind: 'directory', what: half, sandboxId: 'half' },
      { kind: 'directory', what: `${link} (a link)`, sandboxId: 'link' },
      { kind: 'record', what: expect.stringContaining(join(half, 'record')) as string, sandboxId: 'half' },
      { kind: 'uidRange', what: range, sandboxId: 'empty' },
    ]);
  });

  // Mutations, in turn: loopDevices(), hostMounts() left out.
  test("a loop device on a root on disk, and a mount in the host's tree", async () => {
    const debris = new Debris(used.place);
    const disk = debris.disk('disk', { 'root.img': '\0'.repeat(65_536) });
    const device = debris.loopDevice(join(disk, 'root.img'));
    const directory = debris.directory('mounted');
    debris.mountTmpfs(directory);
    const leaks = await leaksOf();
    expect(leaks).toContainEqual({ kind: 'mount', what: `${device} on ${join(disk, 'root.img')}`, sandboxId: 'disk' });
    expect(leaks).toContainEqual({ kind: 'mount', what: directory, sandboxId: 'mounted' });
  });

  // Mutations, in turn: no mount is elsewhere; descriptors are not looked at by their path.
  test('a root and a directory that were forgotten open', async () => {
    const root = cloneTree(currentDirectory, '/usr');
    onTestFinished(() => closeFd(root));
    const debris = new Debris(used.place);
    const forgotten = openSync(debris.directory('open'), 'r');
    onTestFinished(() => closeSync(forgotten));
    const leaks = await leaksOf();
    expect(leaks).toContainEqual({
      kind: 'fd',
      what: expect.stringMatching(`^${root} -> .*, a root that no sandbox has$`) as string,
      sandboxId: null,
    });
    expect(leaks).toContainEqual({
      kind: 'fd',
      what: expect.stringMatching(`^${forgotten} -> `) as string,
      sandboxId: 'open',
    });
  });

  test('a sandbox in the table without its record', async () => {
    await using sandbox = await used.runtime.create();
    const directory = join(new Debris(used.place).instanceDirectory, 'sandboxes', sandbox.id);
    renameSync(join(directory, 'record'), join(directory, 'moved'));
    expect(await leaksOf()).toEqual([{ kind: 'record', what: `${directory} has no record`, sandboxId: sandbox.id }]);
    renameSync(join(directory, 'moved'), join(directory, 'record'));
    expect(await leaksOf()).toEqual([]);
  });
});
