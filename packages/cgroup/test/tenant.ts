import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { CgroupBase, type CgroupBaseOptions, findCgroupHost, type SandboxCgroup } from '../src/index.ts';

export type Tenant = ChildProcessByStdio<Writable, Readable, null>;

/** Compiles tenant.c for a test file, and checks after each test that no cgroup, process or descriptor is left. */
export class TenantHouse {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'hatchery-cgroup-'));
  /** A base path of this test file's own. */
  readonly parent: string = `hatchery-test-${process.pid}`;
  readonly path: string = `${this.parent}/main`;
  #tenants: Tenant[] = [];
  #bases: CgroupBase[] = [];

  get program(): string {
    return join(this.directory, 'tenant');
  }

  install(): void {
    const missing = missingRight();
    beforeAll(() => {
      if (missing !== null) return;
      const source = fileURLToPath(new URL('./programs/tenant.c', import.meta.url));
      execFileSync('cc', ['-O1', '-static', '-Wall', '-Wextra', '-Werror', '-o', this.program, source]);
    });
    afterAll(() => rmSync(this.directory, { recursive: true }));
    let fds = 0;
    beforeEach((context) => {
      if (missing !== null) context.skip(missing);
      fds = readdirSync('/proc/self/fd').length;
    });
    afterEach(async () => {
      await this.#clear();
      expect(this.leftovers(), 'cgroups left behind').toEqual([]);
      expect(readdirSync('/proc/self/fd').length, 'descriptors left open').toBe(fds);
    });
  }

  base(options: Partial<CgroupBaseOptions> = {}): CgroupBase {
    const base = CgroupBase.open({ path: this.path, ...options });
    this.#bases.push(base);
    return base;
  }

  /** Starts tenant.c outside of every cgroup of ours, where it waits for {@link release}. */
  spawn(...argv: string[]): Tenant {
    const child = spawn(this.program, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#tenants.push(child);
    return child;
  }

  async enter(group: Pick<SandboxCgroup, 'add'>, argv: string[], part?: string): Promise<Tenant> {
    const child = this.spawn(...argv);
    await once(child, 'spawn');
    group.add(pidOf(child), part);
    return child;
  }

  /** Directories of this test file in any hierarchy. */
  leftovers(): string[] {
    return mounts().flatMap((mount) =>
      [this.parent, `hatchery-probe-${process.pid}`]
        .map((name) => `${mount}/${name}`)
        .filter((path) => existsSync(path)),
    );
  }

  async #clear(): Promise<void> {
    for (const base of this.#bases.splice(0)) {
      // A test that closed its base has removed it.
      const own = CgroupBase.open({ path: base.path });
      for (const name of own.list()) await own.sandbox(name).remove();
      own.remove();
      own.close();
      base.close();
    }
    for (const child of this.#tenants.splice(0)) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      child.stdin.destroy();
      child.stdout.destroy();
      if (!child.stdout.closed) await once(child.stdout, 'close');
      if (!child.stdin.closed) await once(child.stdin, 'close');
    }
  }
}

/** Every hierarchy in use, v2 first, each once. */
export function mounts(): string[] {
  const host = findCgroupHost();
  return [...new Set([host.unifiedMount, ...[...host.controllers.values()].map((hierarchy) => hierarchy.mount)])];
}

export function release(child: Tenant): void {
  child.stdin.write('\n');
}

export function pidOf(child: Tenant): number {
  if (child.pid === undefined) throw new Error('the tenant was not started');
  return child.pid;
}

/** Null when these tests can run, else what is missing. */
function missingRight(): string | null {
  if (process.getuid?.() !== 0) return 'needs root, to make cgroups';
  try {
    const probe = `${findCgroupHost().unifiedMount}/hatchery-test-right-${process.pid}`;
    mkdirSync(probe);
    rmdirSync(probe);
  } catch (error) {
    return `no writable cgroup v2 hierarchy: ${String(error)}`;
  }
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
  } catch {
    return 'needs a C compiler (cc)';
  }
  return null;
}
