import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Runtime, type Sandbox, type SandboxSpec } from '@hatchery/runtime';
import { afterAll, beforeAll } from 'vitest';
import { buildProber } from './build-prober.ts';
import { type Belongings, expectNoLeaks, type LeakScope, listBelongings } from './leak-check.ts';
import { makeProberImage } from './prober-image.ts';

/** A runtime for the tests of one file, with everything that it may need in one temporary directory. */
export interface HostileRuntime {
  readonly runtime: Runtime;
  readonly scope: LeakScope;
  /** For images and canaries of a test's own; removed at the end. */
  readonly directory: string;
  /** A sandbox from the prober image, unless the spec names another. */
  create(spec?: SandboxSpec): Promise<Sandbox>;
}

/**
 * Opens a runtime of its own before the file's tests, closes it after them, and fails the file when anything of it is
 * left: the processes and cgroups of a probe that got away are found here, whatever the probe itself said.
 */
export function useHostileRuntime(): HostileRuntime {
  let opened: { runtime: Runtime; scope: LeakScope; directory: string; image: string; before: Belongings } | undefined;
  const need = () => {
    if (opened === undefined) throw new Error('the runtime is open only while the tests run');
    return opened;
  };

  beforeAll(async () => {
    buildProber();
    const directory = mkdtempSync(join(tmpdir(), 'hatchery-hostile-'));
    const image = makeProberImage(join(directory, 'image'));
    const scope = { runDirectory: join(directory, 'run'), instance: `hostile-${randomBytes(5).toString('hex')}` };
    const before = listBelongings(scope);
    try {
      const runtime = await Runtime.open({ ...scope, pool: false });
      opened = { runtime, scope, directory, image, before };
    } catch (error) {
      rmSync(directory, { recursive: true });
      throw error;
    }
  });

  afterAll(async () => {
    // Then beforeAll failed and has told why.
    if (opened === undefined) return;
    const { runtime, scope, directory, before } = opened;
    await runtime.close();
    // Only once nothing is left: with a forgotten mount in it, this removal would empty what is mounted.
    expectNoLeaks(before, scope);
    rmSync(directory, { recursive: true, force: true });
  });

  return {
    get runtime() {
      return need().runtime;
    },
    get scope() {
      return need().scope;
    },
    get directory() {
      return need().directory;
    },
    create(spec: SandboxSpec = {}) {
      const { runtime, scope, image } = need();
      // The mark finds a process that has left our cgroups.
      return runtime.create({ image, ...spec, env: { SP_INSTANCE: scope.instance, ...spec.env } });
    },
  };
}
