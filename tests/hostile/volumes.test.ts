import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Execution, Sandbox } from '@hatchery/runtime';
import { describe, expect, test } from 'vitest';
import { useHostileRuntime } from './hostile-runtime.ts';
import { expectOnly, probe, wordsOf } from './probe.ts';

const hostile = useHostileRuntime();

let count = 0;
/** A directory of the host with `file` and `sub/`, which everybody may write to. */
function makeSource(): string {
  const source = join(hostile.directory, `source-${count++}`);
  mkdirSync(join(source, 'sub'), { recursive: true });
  writeFileSync(join(source, 'file'), 'canary');
  return source;
}

/** Where in the sandbox there are mounts, as init sees them. */
async function mountPoints(sandbox: Sandbox): Promise<string[]> {
  const { stdout } = await sandbox.run(['/sp', 'cat', '/proc/self/mountinfo']);
  const lines = stdout.toString('latin1').trim().split('\n');
  return lines.map((line) => line.split(' ')[4] ?? '').toSorted();
}

describe('inv-55: a read-only volume', () => {
  // Mutation: `readOnly` not passed to the job openVolumes.
  test('inv-55: cannot be changed by root inside, in 23 ways, and each of them can change one that is not read-only', async () => {
    const kept = makeSource();
    const changed = makeSource();
    await using sandbox = await hostile.create({
      volumes: [
        { source: kept, target: '/kept', readOnly: true },
        { source: changed, target: '/changed' },
      ],
    });
    const before = statSync(join(kept, 'file'));
    const answers = await probe(sandbox, ['volume-change', '/kept'], { cwd: '/tmp' });
    expect(answers.size).toBe(23);
    // EACCES: of init, and of a mapping through a descriptor that is open to read.
    expectOnly(answers, ['EROFS', 'EACCES']);
    expect([...answers].filter(([, { word }]) => word === 'EACCES').map(([name]) => name)).toEqual([
      'write-by-init',
      'map',
    ]);
    expect(readdirSync(kept).toSorted()).toEqual(['file', 'sub']);
    expect(readFileSync(join(kept, 'file'), 'utf8')).toBe('canary');
    expect(statSync(join(kept, 'file'))).toMatchObject({ mode: before.mode, mtimeMs: before.mtimeMs, uid: 0 });
    const control = wordsOf(await probe(sandbox, ['volume-change', '/changed'], { cwd: '/tmp' }));
    expect(Object.entries(control).filter(([, word]) => word !== 'HARM')).toEqual([['write-by-init', 'EACCES']]);
    expect(existsSync(join(changed, 'file'))).toBe(false);
  });

  // Mutation: ALLOW(mount), ALLOW(umount2) in seccomp_calls.def and CAP_SYS_ADMIN in `kept` of caps.c.
  test.each(['root', 'user'])(
    'inv-55: cannot be remounted, bound elsewhere, covered, moved or taken away by %s',
    async (user) => {
      const source = makeSource();
      await using sandbox = await hostile.create({ volumes: [{ source, target: '/kept', readOnly: true }] });
      const before = await mountPoints(sandbox);
      expect(before).toContain('/kept');
      const answers = await probe(sandbox, ['volume-unlock', '/kept'], { user });
      expect(answers.size).toBe(16);
      const { 'rename-place': renamed, 'remove-place': removed, ...mounting } = wordsOf(answers);
      expect([...new Set(Object.values(mounting))]).toEqual(['EPERM']);
      expect([renamed, removed]).toEqual(user === 'root' ? ['EBUSY', 'EBUSY'] : ['EACCES', 'EACCES']);
      expect(await mountPoints(sandbox)).toEqual(before);
      const still = await probe(sandbox, ['volume-change', '/kept'], { user: 'root', cwd: '/tmp' });
      expectOnly(still, ['EROFS', 'EACCES']);
    },
  );
});

describe('N12: two sandboxes share a volume', () => {
  test('N12: the place of a volume below a shared one goes with who removes it; the volume itself is not touched', async () => {
    const shared = makeSource();
    const secret = makeSource();
    await using other = await hostile.create({ volumes: [{ source: shared, target: '/shared' }] });
    await using sandbox = await hostile.create({
      volumes: [
        { source: shared, target: '/shared' },
        { source: secret, target: '/shared/place', readOnly: true },
      ],
    });
    expect(await mountPoints(sandbox)).toContain('/shared/place');
    // Ours is busy for us, and not for the other one.
    expect(wordsOf(await probe(sandbox, ['volume-unlock', '/shared/place']))['remove-place']).toBe('EBUSY');
    expect(await mountPoints(sandbox)).toContain('/shared/place');
    expect(wordsOf(await probe(other, ['volume-unlock', '/shared/place']))['remove-place']).toBe('HARM');
    expect(await mountPoints(sandbox)).not.toContain('/shared/place');
    expect(readdirSync(secret).toSorted()).toEqual(['file', 'sub']);
    expect(readFileSync(join(secret, 'file'), 'utf8')).toBe('canary');
  });

  /** Runs until the sandbox ends; resolves once it exchanges. */
  async function startSwapping(sandbox: Sandbox, target: string): Promise<Execution> {
    const swapping = await sandbox.exec(['/sp', 'swap', '/shared/arena', target, '0']);
    for await (const chunk of swapping.stdout) if (String(chunk).includes('running')) break;
    return swapping;
  }

  // Mutation: RESOLVE_NO_SYMLINKS left out of volumes.c: /etc/sub is made and mounted on.
  test('N12: one exchanges directories and links below a mount target while others are made: nothing is mounted, or made, elsewhere', async () => {
    const shared = makeSource();
    const secret = makeSource();
    const swapper = await hostile.create({ volumes: [{ source: shared, target: '/shared' }] });
    await startSwapping(swapper, '/etc');
    const seen = { mounted: 0, refused: 0 };
    const volumes = [
      { source: shared, target: '/shared' },
      { source: secret, target: '/shared/arena/d/sub', readOnly: true },
      { source: join(secret, 'file'), target: '/shared/arena/x', readOnly: true },
      { source: secret, target: '/shared/arena/t/u/deep' },
    ];
    const one = async (): Promise<void> => {
      try {
        await using sandbox = await hostile.create({ volumes });
        // A volume that is mounted here may be swapped to another name, and removed from under its mount, but only there.
        const strange = (await mountPoints(sandbox)).filter((path) => /^\/(?!$|proc|dev|shared)/.test(path));
        expect(strange).toEqual([]);
        const etc = await sandbox.run(['/sp', 'list', '/etc']);
        expect(etc.stdout.toString()).toBe('/etc entries 2\n');
        seen.mounted += 1;
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_VOLUME_TARGET', step: 'mount the volumes' });
        seen.refused += 1;
      }
    };
    for (let round = 0; round < 200; round++) await Promise.all(Array.from({ length: 5 }, one));
    expect(swapper.state).toBe('running');
    await swapper.destroy();
    expect(seen.mounted).toBeGreaterThan(20);
    expect(seen.refused).toBeGreaterThan(20);
    expect(readdirSync(secret).toSorted()).toEqual(['file', 'sub']);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(hostile.directory);
  }, 120_000);
});
