import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootId, processStartTime } from '@hatchery/linux';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { TestCgroup, unifiedMount } from '../kernel/test-cgroup.ts';

/** Where a v1 hierarchy with a controller is mounted; null: nowhere. */
export function v1Mount(controller: string): string | null {
  const line = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((text) => text.includes(' - cgroup ') && text.split(' ').at(-1)?.split(',').includes(controller));
  return line?.split(' ')[4] ?? null;
}

/** What is there of one sandbox, and its record. */
export class Remains {
  readonly id: string;
  readonly directory: string;
  cgroup: string;
  /** Empty where the host has no v1 hierarchy of pids. */
  cgroupsV1: string[];
  readonly range: string;
  readonly root: string;
  init: { pid: number; startTime: bigint } | null = null;
  boot: string = bootId();

  constructor(house: TeardownHouse, number: number) {
    const id = `h${number}`;
    this.id = id;
    this.directory = join(house.instance, 'sandboxes', id);
    this.cgroup = join(house.cgroup.path, id);
    this.cgroupsV1 = house.v1 === null ? [] : [join(house.v1, id)];
    this.range = join(house.folder, 'ids', (0x7000_0000 + number * 0x1_0000).toString(16));
    this.root = join(house.folder, 'roots', id);
  }

  /** The record's text, with the runtime's own part behind the head. */
  head(): string {
    const { init } = this;
    const lines = [
      'hatchery-record 2',
      `id ${this.id}`,
      `boot ${this.boot}`,
      ...(init === null ? [] : [`init ${init.pid} ${init.startTime}`]),
      `cgroup ${this.cgroup}`,
      ...this.cgroupsV1.map((path) => `cgroup-v1 ${path}`),
      `range ${this.range}`,
      `root ${this.root}`,
    ];
    return `${lines.join('\n')}\n`;
  }

  record(): void {
    writeFileSync(join(this.directory, 'record'), `${this.head()}\n{"state":"running"}\n`, { mode: 0o600 });
  }

  /** Everything that a sandbox leaves around, the cgroups too. */
  make(): void {
    mkdirSync(this.directory, { mode: 0o711 });
    writeFileSync(join(this.directory, 'init.sock'), '');
    this.makeCgroups();
    symlinkSync(this.directory, this.range);
    mkdirSync(join(this.root, 'etc'), { recursive: true });
    writeFileSync(join(this.root, 'etc/hosts'), 'content');
    symlinkSync('/etc/passwd', join(this.root, 'etc/passwd'));
    this.record();
  }

  makeCgroups(): void {
    for (const part of ['', 'init', 'work'])
      if (!existsSync(join(this.cgroup, part))) mkdirSync(join(this.cgroup, part));
    for (const path of this.cgroupsV1) mkdirSync(path);
  }

  /** Takes a process of the host's for init. */
  takeForInit(pid: number): void {
    this.init = { pid, startTime: processStartTime(pid) ?? -1n };
    this.record();
  }

  /** What of it is still there. */
  leftovers(): string[] {
    const places = [this.directory, this.cgroup, ...this.cgroupsV1, this.range, this.root];
    return places.filter((path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined);
  }

  isRecorded(): boolean {
    return existsSync(join(this.directory, 'record'));
  }
}

/** An instance's directories and cgroups for one test file; checks after each test that nothing is left. */
export class TeardownHouse {
  folder = '';
  v1: string | null = null;
  #cgroup: TestCgroup | null = null;
  #children: ChildProcess[] = [];
  #remains: Remains[] = [];
  #count = 0;

  constructor() {
    const missing = missingRight();
    const v1 = v1Mount('pids');
    beforeAll(() => {
      if (missing === null) this.folder = mkdtempSync(join(tmpdir(), 'hatchery-teardown-'));
      if (missing === null) this.#compile();
    });
    afterAll(() => {
      if (missing === null) rmSync(this.folder, { recursive: true });
    });
    beforeEach((context) => {
      if (missing !== null) context.skip(missing);
      // Not afterEach: that is not called when another one fails, and the next test would trip over what is left.
      context.onTestFinished(() => this.#clear());
      for (const place of ['run/instances/main/sandboxes', 'ids', 'roots'])
        mkdirSync(join(this.folder, place), { recursive: true });
      this.#cgroup = new TestCgroup(unifiedMount() ?? '', `hatchery-teardown-${process.pid}`);
      this.v1 = v1 === null ? null : join(v1, `hatchery-teardown-${process.pid}`);
      if (this.v1 !== null) mkdirSync(this.v1);
    });
  }

  get cgroup(): TestCgroup {
    if (this.#cgroup === null) throw new Error('outside of a test');
    return this.#cgroup;
  }

  get instance(): string {
    return join(this.folder, 'run/instances/main');
  }

  get guest(): string {
    return join(this.folder, 'guest');
  }

  remains(): Remains {
    const remains = new Remains(this, ++this.#count);
    this.#remains.push(remains);
    return remains;
  }

  /** A process of the host's, in the cgroups given. Killed after the test if nobody did. */
  async spawn(cgroups: readonly string[], argv: readonly string[] = ['hold']): Promise<ChildProcess & { pid: number }> {
    const child = spawn(this.guest, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.push(child);
    await once(child, 'spawn');
    for (const path of cgroups) writeFileSync(join(path, 'cgroup.procs'), String(child.pid));
    return child as ChildProcess & { pid: number };
  }

  #compile(): void {
    const source = join(import.meta.dirname, '../programs/guest.c');
    execFileSync('cc', ['-static', '-O1', '-Wall', '-Wextra', '-Werror', '-o', this.guest, source]);
  }

  async #clear(): Promise<void> {
    for (const place of ['run', 'ids', 'roots']) rmSync(join(this.folder, place), { recursive: true, force: true });
    for (const child of this.#children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await this.cgroup.end();
    for (const { cgroupsV1 } of this.#remains.splice(0))
      for (const path of cgroupsV1) if (existsSync(path)) rmdirSync(path);
    if (this.v1 !== null) rmdirSync(this.v1);
  }
}

/** Null when these tests can run here. */
function missingRight(): string | null {
  if (process.getuid?.() !== 0) return 'needs root, to make cgroups';
  return unifiedMount() === null ? 'needs a cgroup v2 hierarchy' : null;
}

/** How a child of the test ended, when it has. */
export async function ending(child: ChildProcess): Promise<NodeJS.Signals | number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.signalCode ?? child.exitCode;
}

/** Lives, and nobody has sent it anything that it would have noticed. */
export function expectUntouched(bystander: ChildProcess & { pid: number }): void {
  expect(bystander.signalCode).toBeNull();
  expect(bystander.exitCode).toBeNull();
  const status = readFileSync(`/proc/${bystander.pid}/status`, 'utf8');
  expect(status).toMatch(/^State:\tS/m);
  expect(status).toMatch(/^SigPnd:\t0+$/m);
  expect(status).toMatch(/^ShdPnd:\t0+$/m);
  expect(readlinkSync(`/proc/${bystander.pid}/exe`)).toContain('guest');
}
