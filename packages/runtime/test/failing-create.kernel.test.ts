import { execFileSync } from 'node:child_process';
import { mkdirSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Runtime, type SandboxSpec } from '../src/index.ts';
import { beforeSteps } from './before-steps.ts';
import { initOf, unifiedCgroup, zygoteOf } from './host-view.ts';
import { shell } from './shell.ts';
import { makePlace, useRuntime } from './use-runtime.ts';

const used = useRuntime();
afterEach(() => vi.restoreAllMocks());

/** The names of the steps of one create, in order. */
async function stepsOfCreate(): Promise<string[]> {
  const steps: string[] = [];
  beforeSteps((step) => steps.push(step));
  const sandbox = await used.runtime.create();
  vi.restoreAllMocks();
  await sandbox.destroy();
  return steps;
}

/** A create that must fail, leave nothing, and be possible afterwards. */
async function expectUndone(expected: object, spec: SandboxSpec = {}): Promise<void> {
  const before = await used.countsAtRest();
  const error: unknown = await used.runtime.create({ id: 'fails', ...spec }).catch((error: unknown) => error);
  vi.restoreAllMocks();
  expect(error).toMatchObject(expected);
  // A zygote that was killed is replaced in the background.
  await vi.waitFor(() => expect(used.counts()).toEqual(before), { timeout: 10_000 });
  await using sandbox = await used.runtime.create({ id: 'fails' });
  expect(await shell(sandbox, 'echo works')).toBe('works');
}

function makeImage(directories: readonly string[]): string {
  const image = join(used.place.directory, `image-${process.hrtime.bigint()}`);
  for (const name of directories) mkdirSync(join(image, name), { recursive: true });
  return image;
}

// Mutation, in turn: the removal of the cgroups or of the directory left out of the undo; parkAndStart does not ask for
// the checklist's own error.
describe('a create that fails undoes everything, and its error names the step', () => {
  test('inv-41: the id is taken, and the sandbox that has it is not touched', async () => {
    await using owner = await used.runtime.create({ id: 'taken' });
    await expectUndone({ code: 'ERR_SANDBOX_EXISTS' }, { id: 'taken' });
    expect(await shell(owner, 'echo here')).toBe('here');
  });

  test('inv-41: the cgroup’s name is taken', async () => {
    const path = unifiedCgroup(used.place.instance, 'taken');
    mkdirSync(path);
    await used.runtime.create({ id: 'taken' }).then(
      () => expect.unreachable(),
      (error: unknown) =>
        expect(error).toMatchObject({ code: 'ERR_SANDBOX_CREATE', step: expect.stringContaining('cgroup') }),
    );
    // Debris under the id of a create that failed is the debris of that create.
    await expectUndone({ code: 'ERR_IMAGE_NOT_FOUND' }, { image: '/no/such/image' });
  });

  // Mutation: whoever is destroyed takes its id out of the table, whoever has it.
  test('inv-40, inv-43: what is left of one that failed does not touch the next sandbox of its id', async () => {
    beforeSteps((step) => {
      if (step === 'set the limits') throw new Error('a limit that is refused');
    });
    await expect(used.runtime.create({ id: 'again' })).rejects.toMatchObject({ code: 'ERR_SANDBOX_CREATE' });
    vi.restoreAllMocks();
    const failed = used.runtime.get('again');
    expect(failed?.state).toBe('failed');
    await using sandbox = await used.runtime.create({ id: 'again' });
    await failed?.destroy();
    expect(used.runtime.get('again')).toBe(sandbox);
    expect(await shell(sandbox, 'echo here')).toBe('here');
  });

  test('inv-41: the zygote is killed before it is asked', async () => {
    beforeSteps((step) => {
      if (step === 'make') process.kill(zygoteOf(used.place.instance), 'SIGKILL');
    });
    await expectUndone({ code: 'ERR_ZYGOTE_LOST', step: 'make' });
  });

  test('inv-41: /dev or /proc of the image is a symbolic link', async () => {
    for (const name of ['dev', 'proc']) {
      const image = makeImage(['etc', 'tmp']);
      symlinkSync('/tmp', join(image, name));
      await expectUndone({ code: 'ERR_IMAGE_UNSUPPORTED', step: `attach /${name}` }, { image });
    }
  });

  test('inv-41: init is killed, before each of the steps that follow its making', async () => {
    const steps = await stepsOfCreate();
    const first = steps.indexOf('make') + 1;
    // The last one only hands the sandbox over: there, a dead init is the sandbox's matter.
    expect(steps.length - 1).toBeGreaterThan(first);
    for (let at = first; at < steps.length - 1; at++) {
      beforeSteps((_, index) => {
        if (index === at) process.kill(initOf(used.place.instance, 'fails'), 'SIGKILL');
      });
      await expectUndone({ code: 'ERR_SANDBOX_CREATE', step: expect.stringMatching(/\w/) });
    }
  });

  test('inv-41: the work cgroup is taken away', async () => {
    beforeSteps((step) => {
      if (step === 'open the work cgroup') rmdirSync(unifiedCgroup(used.place.instance, 'fails/work'));
    });
    await expectUndone({ code: 'ERR_SANDBOX_CREATE', step: 'open the work cgroup' });
  });
});

describe('a create in a run directory that is full', () => {
  for (const nth of [0, 1]) {
    test(`inv-41: the ${['first', 'second'][nth]} record cannot be written: it fails with that step’s name and leaves nothing`, async () => {
      using stack = new DisposableStack();
      const place = makePlace();
      stack.defer(() => place.remove());
      const { runDirectory, instance, dataDirectory } = place;
      mkdirSync(runDirectory);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'full', runDirectory]);
      stack.defer(() => execFileSync('umount', [runDirectory]));
      const record = (await stepsOfCreate()).filter((step) => step.startsWith('record'))[nth] ?? '';
      const filler = join(runDirectory, 'filler');
      await using runtime = await Runtime.open({ pool: false, runDirectory, instance, dataDirectory });
      onTestFinished(() => runtime.close());
      beforeSteps((step) => {
        if (step === record) expect(() => writeFileSync(filler, Buffer.alloc(65_536))).toThrow('ENOSPC');
      });
      await expect(runtime.create({ id: 'fails' })).rejects.toMatchObject({ code: 'ERR_RESOURCES', step: record });
      vi.restoreAllMocks();
      rmSync(filler);
      const again = await runtime.create({ id: 'fails' });
      expect(await shell(again, 'echo works')).toBe('works');
      await runtime.close();
    });
  }
});
