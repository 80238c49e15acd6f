import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findCgroupHost } from '@hatchery/cgroup';
import { onTestFinished } from 'vitest';
import { unifiedCgroup } from './host-view.ts';
import type { Place } from './use-runtime.ts';

/** Plants debris of every kind beside the sandboxes of an open runtime, and takes away what a test leaves of it. */
export class Debris {
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  get instanceDirectory(): string {
    return join(this.#place.runDirectory, 'instances', this.#place.instance);
  }

  get disks(): string {
    return join(this.#place.dataDirectory, 'sandboxes', this.#place.instance);
  }

  directory(id: string, record?: string): string {
    return this.#directoryAt(join(this.instanceDirectory, 'sandboxes', id), 'record', record);
  }

  /** A root on disk; with `image`, a file that takes the place of one. */
  disk(id: string, files: Record<string, string> = {}): string {
    const path = this.#directoryAt(join(this.disks, id), '', undefined);
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(path, name), content);
      onTestFinished(() => ifThere(() => unlinkSync(join(path, name))));
    }
    return path;
  }

  link(id: string, target: string): string {
    const path = join(this.instanceDirectory, 'sandboxes', id);
    symlinkSync(target, path);
    onTestFinished(() => ifThere(() => unlinkSync(path)));
    return path;
  }

  /** In the v2 hierarchy and in that of the v1 memory controller, where there is one. */
  cgroups(id: string): string[] {
    const unified = unifiedCgroup(this.#place.instance, '.');
    const host = findCgroupHost();
    const memory = host.controllers.get('memory');
    const bases = [unified];
    if (memory?.version === 1) bases.push(memory.mount + unified.slice(host.unifiedMount.length));
    return bases.map((base) => {
      const path = join(base, id);
      mkdirSync(path);
      onTestFinished(() => ifThere(() => rmdirSync(path)));
      return path;
    });
  }

  /** A program that sleeps in cgroups. */
  sleeper(cgroups: readonly string[]): { pid: number; ended: Promise<unknown>; kill: () => void } {
    const child = spawn('sleep', ['infinity'], { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const pid = child.pid ?? 0;
    // Before the cgroups are removed: what is registered last runs first.
    onTestFinished(async () => {
      child.kill('SIGKILL');
      await ended;
    });
    for (const path of cgroups) writeFileSync(join(path, 'cgroup.procs'), `${pid}`);
    return { pid, ended, kill: () => void child.kill('SIGKILL') };
  }

  /** A lease of this instance that no pool holds. */
  range(id: string): string {
    for (let number = 0x7fff; ; number--) {
      const path = `/run/hatchery-ids/${number.toString(16)}0000`;
      try {
        symlinkSync(join(this.instanceDirectory, 'sandboxes', id), path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
        throw error;
      }
      onTestFinished(() => ifThere(() => unlinkSync(path)));
      return path;
    }
  }

  /** A loop device on a file; its path. */
  loopDevice(file: string): string {
    const device = execFileSync('losetup', ['--find', '--show', file], { encoding: 'utf8' }).trim();
    onTestFinished(() => void execFileSync('losetup', ['--detach', device]));
    return device;
  }

  /** The returned function takes it away again. */
  mountTmpfs(path: string): () => void {
    execFileSync('mount', ['-t', 'tmpfs', 'none', path]);
    let isMounted = true;
    const unmount = (): void => {
      if (isMounted) execFileSync('umount', [path]);
      isMounted = false;
    };
    onTestFinished(unmount);
    return unmount;
  }

  #directoryAt(path: string, name: string, content: string | undefined): string {
    mkdirSync(path, { recursive: true });
    onTestFinished(() => {
      ifThere(() => rmdirSync(path));
      if (!existsSync(path) && path.startsWith(this.disks)) ifEmpty(() => rmdirSync(dirname(path)));
    });
    if (content !== undefined) {
      writeFileSync(join(path, name), content);
      onTestFinished(() => ifThere(() => unlinkSync(join(path, name))));
    }
    return path;
  }
}

function ifThere(act: () => void): void {
  try {
    act();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function ifEmpty(act: () => void): void {
  try {
    act();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY') throw error;
  }
}
