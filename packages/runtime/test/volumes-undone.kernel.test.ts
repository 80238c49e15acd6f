import { readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { SandboxSpec } from '../src/index.ts';
import { beforeSteps } from './before-steps.ts';
import { initOf } from './host-view.ts';
import { useRuntime } from './use-runtime.ts';
import { contentOf, makeSource } from './volume-source.ts';

const used = useRuntime();

afterEach(() => vi.restoreAllMocks());

// Mutation: closeVolumes not given as the undo.
describe('a create with volumes that fails leaves nothing, on the machine or in the sources', () => {
  async function expectUndone(expected: object, spec: SandboxSpec, sources: readonly string[]): Promise<void> {
    const before = await used.countsAtRest();
    const contents = sources.map(contentOf);
    await expect(used.runtime.create({ id: 'fails', ...spec })).rejects.toMatchObject(expected);
    vi.restoreAllMocks();
    await vi.waitFor(() => expect(used.counts()).toEqual(before), { timeout: 10_000 });
    expect(sources.map(contentOf)).toEqual(contents);
    await used.runtime.get('fails')?.destroy();
  }

  test('inv-41: one of many is gone, or a symlink has taken its place, between the two looks at it', async () => {
    const sources = Array.from({ length: 3 }, () => makeSource(used.place));
    const [, victim = '', other = ''] = sources;
    const volumes = sources.map((source, index) => ({ source, target: `/v${index}` }));
    for (const leads of [null, other]) {
      beforeSteps((step) => {
        if (step !== 'open the volumes') return;
        renameSync(victim, `${victim}-aside`);
        if (leads !== null) symlinkSync(leads, victim);
      });
      const refused = expectUndone({ code: 'ERR_VOLUME_NOT_FOUND', step: 'open the volumes' }, { volumes }, [other]);
      await refused.finally(() => {
        rmSync(victim, { force: true });
        renameSync(`${victim}-aside`, victim);
      });
    }
  });

  test('inv-41: the last one cannot be mounted where it shall be', async () => {
    const source = makeSource(used.place);
    for (const target of ['/usr/bin/env/below', '/etc/passwd', '/bin']) {
      const volumes = [
        { source, target: '/first', readOnly: true },
        { source, target: '/second' },
        { source, target },
      ];
      const expected = {
        code: 'ERR_VOLUME_TARGET',
        step: 'mount the volumes',
        message: expect.stringContaining(target),
      };
      await expectUndone(expected, { volumes }, [source]);
    }
    // A place in a read-only volume cannot be made.
    const volumes = [
      { source, target: '/first', readOnly: true },
      { source, target: '/first/missing' },
    ];
    await expectUndone({ code: 'ERR_VOLUME_TARGET', message: expect.stringContaining('missing') }, { volumes }, [
      source,
    ]);
  });

  // Mutation: untilParked() without its catch: ERR_SANDBOX_CREATE, and no step of the checklist.
  test('inv-41: init cannot contain itself: the error is of that step, as without volumes', async () => {
    const source = makeSource(used.place);
    const image = makeSource(used.place);
    symlinkSync('/tmp', join(image, 'dev'));
    const expected = { code: 'ERR_IMAGE_UNSUPPORTED', step: 'attach /dev' };
    await expectUndone(expected, { image, volumes: [{ source, target: '/data' }] }, [source]);
  });

  test('inv-41: init is killed right before the volumes are opened, and once they are', async () => {
    const source = makeSource(used.place);
    const volumes = [{ source, target: '/data' }];
    for (const at of ['open the volumes', 'park and start']) {
      beforeSteps((step) => {
        if (step === at) process.kill(initOf(used.place.instance, 'fails'), 'SIGKILL');
      });
      await expectUndone({ code: 'ERR_SANDBOX_CREATE' }, { volumes }, [source]);
    }
  });

  test('inv-41: it is aborted while the volumes are opened', async () => {
    const source = makeSource(used.place);
    const abort = new AbortController();
    const before = await used.countsAtRest();
    beforeSteps((step) => {
      if (step === 'open the volumes') abort.abort();
    });
    const aborted = used.runtime.create({ volumes: [{ source, target: '/data' }] }, { signal: abort.signal });
    await expect(aborted).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    await vi.waitFor(() => expect(used.counts()).toEqual(before), { timeout: 10_000 });
  });
});

/** Mount points of a sandbox's init. */
function mountPointsIn(id: string): string[] {
  const lines = readFileSync(`/proc/${initOf(used.place.instance, id)}/mountinfo`, 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => line.split(' ')[4] ?? '');
}

describe('whatever becomes of a sandbox', () => {
  test('its end touches nothing of a volume, in whatever state it is', async () => {
    const source = makeSource(used.place);
    const before = contentOf(source);
    for (const state of ['running', 'paused', 'stopped', 'without init'] as const) {
      const root = state === 'stopped' ? 'disk' : 'memory';
      const limits = root === 'disk' ? { rootBytes: 16 * 2 ** 20 } : {};
      const sandbox = await used.runtime.create({ root, limits, volumes: [{ source, target: '/a/b/c' }] });
      if (state === 'paused') await sandbox.pause();
      if (state === 'stopped') await sandbox.stop();
      if (state === 'without init') process.kill(initOf(used.place.instance, sandbox.id), 'SIGKILL');
      await sandbox.destroy();
      expect(contentOf(source), state).toEqual(before);
    }
  });

  // Mutation: `readOnly` left out of what the job is asked for.
  test('inv-55: rm -rf / inside leaves a read-only volume as it was, and empties one that is not', async () => {
    const kept = makeSource(used.place);
    const lost = makeSource(used.place);
    const before = contentOf(kept);
    await using sandbox = await used.runtime.create({
      volumes: [
        { source: kept, target: '/srv/kept', readOnly: true },
        { source: lost, target: '/srv/lost' },
      ],
    });
    await sandbox.run(['rm', '-rf', '--no-preserve-root', '/srv', '/home', '/etc']);
    await sandbox.run(['sh', '-c', 'rmdir /srv/kept; mv /srv/kept /srv/moved; mv /srv /other']);
    expect(contentOf(kept)).toEqual(before);
    expect(readdirSync(lost)).toEqual([]);
    expect(mountPointsIn(sandbox.id).filter((path) => path.endsWith('/kept') || path.endsWith('/lost'))).toHaveLength(
      2,
    );
  });

  test('the census knows it with its volumes, and finds nothing that is nobody’s', async () => {
    const source = makeSource(used.place);
    await using sandbox = await used.runtime.create({ volumes: [{ source, target: '/data' }] });
    expect((await used.runtime.census()).leaks).toEqual([]);
    expect(mountPointsIn(sandbox.id)).toContain('/data');
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(source);
  });
});
