import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';
import { Installation } from '../../tools/rehearse/installation.ts';
import { pathWithoutCompilers } from '../../tools/rehearse/path-without-compilers.ts';
import { Registry } from '../../tools/rehearse/registry.ts';
import { type Rehearsal, rehearseRelease } from '../../tools/rehearse/rehearse-release.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The program whose absence makes a release impossible here; null when all are there. */
export const missing: string | null =
  ['git', 'npm', 'cc', 'aarch64-linux-gnu-gcc'].find((program) => spawnSync(program, ['--version']).status !== 0) ??
  null;

/** The next release, made and published to a registry of its own for one file's tests. */
export class Published {
  readonly registry: Registry;
  readonly rehearsal: Rehearsal;
  readonly path: string;
  readonly #directory: string;
  readonly #installed = new Map<string, Promise<Installation>>();
  #count = 0;

  constructor(registry: Registry, rehearsal: Rehearsal, directory: string) {
    this.registry = registry;
    this.rehearsal = rehearsal;
    this.#directory = directory;
    this.path = pathWithoutCompilers(join(directory, 'path'));
  }

  /** A package in a folder that its other tests share: it is not changed. */
  async installed(name: string): Promise<Installation> {
    const installation = this.#installed.get(name) ?? this.install(name);
    this.#installed.set(name, installation);
    return await installation;
  }

  /** A package in an empty folder. */
  async install(name: string): Promise<Installation> {
    this.#count += 1;
    return await Installation.make(join(this.#directory, `folder-${this.#count}`), name, this.registry, this.path);
  }

  directory(name: string): string {
    const directory = join(this.#directory, name);
    mkdirSync(directory);
    return directory;
  }
}

export function usePublished(): () => Published {
  let published: Published | null = null;
  let directory: string | null = null;
  let registry: Registry | null = null;
  beforeAll(async () => {
    if (missing !== null) return;
    directory = mkdtempSync(join(tmpdir(), 'hatchery-published-'));
    registry = await Registry.start();
    const output: string[] = [];
    try {
      const rehearsal = await rehearseRelease(root, join(directory, 'copy'), registry, (text) => output.push(text));
      published = new Published(registry, rehearsal, directory);
    } catch (error) {
      throw new Error(`the rehearsal failed: ${output.join('')}`, { cause: error });
    }
  }, 900_000);
  afterAll(async () => {
    await registry?.close();
    if (directory !== null) rmSync(directory, { recursive: true });
  }, 120_000);
  return () => {
    if (published === null) throw new Error('nothing was published');
    return published;
  };
}
