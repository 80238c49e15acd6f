import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { LineProcess, milliseconds } from '../line-process.ts';
import type { OperationName } from '../operations/operation.ts';
import type { Site } from '../site.ts';
import { Participant } from './contestant.ts';
import { installedVersion } from './installed-version.ts';

const run = promisify(execFile);
const inFlight = 8;

interface Spec {
  process: { terminal: boolean; args: readonly string[] };
  root: { path: string; readonly: boolean };
  linux: { cgroupsPath?: string; resources: Record<string, unknown> };
}

/** `crun` or `runc` as a command line: bundles made once from its own `spec`, the same limits as hatchery's defaults. */
export class OciRuntime extends Participant {
  readonly version: string;
  readonly operations: ReadonlySet<OperationName> = new Set([
    'create-to-exit',
    'create',
    'exec',
    'destroy',
    'burst',
  ] as const);
  readonly #launcher: LineProcess;
  readonly #program: string;
  readonly #site: Site;
  readonly #state: string;
  readonly #bundles = new Map<string, string>();
  #serial = 0;
  #running: string | null = null;

  private constructor(launcher: LineProcess, program: string, site: Site, state: string, version: string) {
    super();
    this.#launcher = launcher;
    this.#program = program;
    this.#site = site;
    this.#state = state;
    this.version = version;
  }

  static async open(site: Site, program: 'crun' | 'runc', launcherWords: readonly string[]): Promise<OciRuntime> {
    const version = await installedVersion(program, program);
    const state = await site.place(`${program}-state`);
    const launcher = await LineProcess.start(site.program('launch'), launcherWords);
    return new OciRuntime(launcher, program, site, state, version);
  }

  override async createToExit(command: readonly string[]): Promise<number> {
    const words = this.#words('run', '--bundle', await this.#bundle(command), this.#nextName());
    return milliseconds(await this.#launcher.ask(`run exit ${words}`), 1);
  }

  override async create(): Promise<number> {
    const name = this.#nextName();
    const words = this.#words('run', '--detach', '--bundle', await this.#bundle(['/bin/hold']), name);
    const took = milliseconds(await this.#launcher.ask(`run exit ${words}`), 1);
    this.#running = name;
    return took;
  }

  override async exec(command: readonly string[]): Promise<number> {
    const words = this.#words('exec', this.#runningName(), ...command);
    return milliseconds(await this.#launcher.ask(`run exit ${words}`), 1);
  }

  override async destroy(): Promise<number> {
    const words = this.#words('delete', '--force', this.#runningName());
    const took = milliseconds(await this.#launcher.ask(`run exit ${words}`), 1);
    this.#running = null;
    return took;
  }

  override async burst(count: number, command: readonly string[]): Promise<number> {
    const words = this.#words('run', '--bundle', await this.#bundle(command), `${this.#nextName()}-#`);
    return milliseconds(await this.#launcher.ask(`burst ${count} ${inFlight} ${words}`), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#running !== null) await this.destroy();
    await this.#launcher[Symbol.asyncDispose]();
  }

  #words(...rest: readonly string[]): string {
    return [this.#program, '--root', this.#state, ...rest].join(' ');
  }

  #nextName(): string {
    this.#serial += 1;
    return this.#site.uniqueName(`${this.#program}-${this.#serial}`);
  }

  #runningName(): string {
    if (this.#running === null) throw new Error(`${this.#program} has no running sandbox`);
    return this.#running;
  }

  async #bundle(command: readonly string[]): Promise<string> {
    const key = command.join('-').replaceAll('/', '');
    const known = this.#bundles.get(key);
    if (known !== undefined) return known;
    const bundle = await this.#site.place(`${this.#program}-${key}`);
    await run(this.#program, ['--root', this.#state, 'spec'], { cwd: bundle });
    const file = path.join(bundle, 'config.json');
    const spec: Spec = JSON.parse(await readFile(file, 'utf8'));
    spec.process.terminal = false;
    spec.process.args = command;
    spec.root = { path: this.#site.root, readonly: true };
    spec.linux.resources = {
      ...spec.linux.resources,
      memory: { limit: 512 * 2 ** 20 },
      cpu: { quota: 100_000, period: 100_000 },
      pids: { limit: 256 },
    };
    await writeFile(file, JSON.stringify(spec));
    this.#bundles.set(key, bundle);
    return bundle;
  }
}
