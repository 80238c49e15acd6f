import { randomBytes, randomUUID } from 'node:crypto';
import { chmodSync, closeSync, ftruncateSync, mkdirSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CgroupBase } from '@hatchery/cgroup';
import {
  bootId,
  changeOwner,
  cloneTree,
  closeFd,
  createMemfd,
  currentDirectory,
  makePipe,
  processStartTime,
  seqpacketPair,
} from '@hatchery/linux';
import { InitConnection } from '@hatchery/zygote-ipc';
import { hostImage } from '../../packages/runtime/src/image/host-image.ts';
import { type Instance, openInstance } from '../../packages/runtime/src/instance/instance.ts';
import { leaseRange } from '../../packages/runtime/src/instance/uid-ranges.ts';
import type { Place } from '../../packages/runtime/test/use-runtime.ts';
import { type PreviousFacts, previousLabel, previousRecord } from './previous-record.ts';
import { PreviousZygote } from './previous-zygote.ts';

const mebibyte = 1024 * 1024;
const limits = {
  memoryBytes: 256 * mebibyte,
  cpus: 1,
  pids: 100,
  rootBytes: 64 * mebibyte,
  rootInodes: 10_000,
  shmBytes: 8 * mebibyte,
  bestEffort: true,
};
const searchPath = '/usr/local/bin:/usr/bin:/bin';

/** How far a create got. */
export type Reached = 'intent' | 'made' | 'running';

/**
 * A runner of an earlier build, up to its death: what it wrote, made and started, in its order. Written out here
 * and not taken from today's sources wherever its own have changed or may: what it left behind stays as it was.
 */
export class PreviousRunner {
  readonly wireVersion: number;
  readonly instance: Instance;
  readonly cgroups: CgroupBase;
  readonly #place: Place;
  readonly #zygote: PreviousZygote;
  readonly #sandboxes: PreviousSandbox[] = [];

  private constructor(
    wireVersion: number,
    place: Place,
    instance: Instance,
    cgroups: CgroupBase,
    zygote: PreviousZygote,
  ) {
    this.wireVersion = wireVersion;
    this.#place = place;
    this.instance = instance;
    this.cgroups = cgroups;
    this.#zygote = zygote;
  }

  /** @param name null: of a private instance */
  static async open(wireVersion: number, place: Place, name: string | null = place.instance): Promise<PreviousRunner> {
    const instance = openInstance({ runDirectory: place.runDirectory, name });
    const cgroups = CgroupBase.open({ path: instance.cgroupBase });
    const zygote = await PreviousZygote.start(wireVersion, cgroups, place.directory);
    return new PreviousRunner(wireVersion, place, instance, cgroups, zygote);
  }

  async create(id: string, upTo: Reached = 'running'): Promise<PreviousSandbox> {
    const { layers } = await hostImage({ dataDirectory: this.#place.dataDirectory });
    const sandbox = new PreviousSandbox(this, id);
    this.#sandboxes.push(sandbox);
    sandbox.writeRecord('intent', null);
    if (upTo === 'intent') return sandbox;
    await sandbox.make(this.#zygote, layers);
    if (upTo === 'running') await sandbox.start();
    return sandbox;
  }

  /** Nothing is given back: its zygote ends, its descriptors are closed, its lock is free. */
  async die(): Promise<void> {
    for (const sandbox of this.#sandboxes) sandbox.letGo();
    await this.#zygote.end();
    this.cgroups.close();
    this.instance.close();
  }
}

/** One of its sandboxes. */
export class PreviousSandbox {
  readonly id: string;
  readonly directory: string;
  readonly range: string;
  pid = 0;
  readonly #runner: PreviousRunner;
  readonly #firstId: number;
  readonly #facts: PreviousFacts;
  readonly #token = randomBytes(32);
  #init: InitConnection | null = null;
  #fds: number[] = [];
  #executions = 0;

  constructor(runner: PreviousRunner, id: string) {
    this.#runner = runner;
    this.id = id;
    this.directory = join(runner.instance.directory, 'sandboxes', id);
    mkdirSync(this.directory, { mode: 0o711 });
    chmodSync(this.directory, 0o711);
    const lease = leaseRange({ owner: { instanceDirectory: runner.instance.directory, sandboxId: id } });
    this.#firstId = lease.firstId;
    this.range = lease.path;
    this.#facts = {
      id,
      lifecycleId: randomUUID(),
      bootId: bootId(),
      token: this.#token.toString('hex'),
      firstId: lease.firstId,
      cgroups: runner.cgroups.sandbox(id).paths(),
      range: lease.path,
      state: 'intent',
      init: null,
      createdAt: new Date(0).toISOString(),
      spec: {
        id,
        image: 'host',
        env: { FROM: 'before' },
        user: 'root',
        cwd: null,
        hostname: `host-${id}`,
        limits,
        metadata: { of: id },
        noNewPrivileges: true,
      },
    };
  }

  writeRecord(state: PreviousFacts['state'], init: PreviousFacts['init']): void {
    const [name, text] = previousRecord(this.#runner.wireVersion, { ...this.#facts, state, init });
    writeFileSync(join(this.directory, name), text, { mode: 0o600 });
  }

  async make(zygote: PreviousZygote, images: readonly { target: string; source: string }[]): Promise<void> {
    const [ours, theirs] = seqpacketPair();
    this.#init = new InitConnection(ours, {
      sandboxId: this.id,
      wireVersion: this.#runner.wireVersion,
      onExit: () => {}, // of executions whose exit is the next runner's to tell
      onClosed: () => {},
    });
    const layers = images.map(({ source }) => cloneTree(currentDirectory, source));
    const sandboxDirectory = openSync(this.directory, 'r');
    const { rootBytes, rootInodes, shmBytes } = limits;
    const sizes = { rootBytes, rootInodes, shmBytes, layerTargets: images.map(({ target }) => target) };
    this.pid = await zygote.make({
      id: this.id,
      firstId: this.#firstId,
      ...sizes,
      sandboxDirectory,
      connection: theirs,
      layers,
      bootId: randomUUID(),
      upper: null,
    });
    for (const fd of [...layers, theirs]) closeFd(fd);
    closeSync(sandboxDirectory);
    this.#fds.push((await this.#connection.parked).root);
  }

  async start(): Promise<void> {
    const { memoryBytes, cpus, pids } = limits;
    const { available } = this.#runner.cgroups;
    const cgroup = this.#runner.cgroups.sandbox(this.id);
    cgroup.setLimits({
      ...(available.has('memory') ? { memoryBytes } : {}),
      ...(available.has('cpu') ? { cpus } : {}),
      ...(available.has('pids') ? { pids } : {}),
    });
    const work = cgroup.openDirectory('work');
    this.writeRecord('running', { pid: this.pid, startTime: String(processStartTime(this.pid)) });
    const epoch = Number(this.#runner.instance.epoch);
    const hostname = `host-${this.id}`;
    await this.#connection.start({
      hostname,
      token: this.#token,
      epoch,
      orphanMs: 600_000,
      work,
      volumeTargets: [],
      volumes: [],
    });
    closeSync(work);
  }

  /**
   * Starts a durable execution of a shell script. Of its standard output, so many bytes are taken and put into its ring;
   * the rest stays in its pipe. The pidfd is the caller's.
   */
  async exec(script: string, takenBytes = 0): Promise<number> {
    const [stdout, stderr] = [this.#pipe(), this.#pipe()];
    const ring = createRing();
    this.#fds.push(ring);
    const block = Buffer.from(
      ['sh', '-c', script, 'HOME=/root', `PATH=${searchPath}`].map((text) => `${text}\0`).join(''),
    );
    const { pidfd } = await this.#connection.exec({
      execution: ++this.#executions,
      cwd: '/',
      searchPath,
      uid: 0,
      gid: 0,
      groups: [],
      noNewPrivileges: true,
      argc: 3,
      envc: 2,
      block,
      blockFile: null,
      stdin: null,
      stdout: stdout[1],
      stderr: stderr[1],
      cgroup: null,
      terminal: false,
      columns: 0,
      rows: 0,
      durable: true,
      label: previousLabel(this.#runner.wireVersion, `execution-${this.#executions}`),
      stdoutKept: stdout[0],
      stderrKept: stderr[0],
      ring,
    });
    for (const [, written] of [stdout, stderr]) closeFd(written);
    this.#fds.push(stdout[0], stderr[0]);
    takeInto(ring, stdout[0], takenBytes);
    return pidfd;
  }

  async freeze(): Promise<void> {
    await this.#connection.pause();
    await this.#runner.cgroups.sandbox(this.id).freeze({ timeoutMs: 10_000 });
  }

  letGo(): void {
    this.#init?.close();
    for (const fd of this.#fds.splice(0)) closeFd(fd);
  }

  get #connection(): InitConnection {
    if (this.#init === null) throw new Error(`sandbox ${this.id} has no init`);
    return this.#init;
  }

  #pipe(): readonly [number, number] {
    const pipe = makePipe();
    changeOwner(pipe[0], this.#firstId, this.#firstId);
    return pipe;
  }
}

const ringHeaderBytes = 4096;
const ringBytes = 65_536;

/** The ring that the build before this one made: a header, the last bytes of stdout, those of stderr. */
function createRing(): number {
  const fd = createMemfd('hatchery-replay');
  const header = Buffer.alloc(64);
  header.write('hatchery-ring-1\n', 'latin1');
  header.writeBigUInt64LE(BigInt(ringBytes), 24);
  ftruncateSync(fd, ringHeaderBytes + 2 * ringBytes);
  writeSync(fd, header, 0, header.length, 0);
  return fd;
}

/** Waits for the bytes, as the pipe blocks. */
function takeInto(ring: number, pipe: number, count: number): void {
  const bytes = Buffer.alloc(count);
  for (let taken = 0; taken < count; ) taken += readSync(pipe, bytes, taken, count - taken, null);
  writeSync(ring, bytes, 0, count, ringHeaderBytes);
  const committed = Buffer.alloc(16);
  committed.writeBigUInt64LE(BigInt(count), 0);
  writeSync(ring, committed, 0, committed.length, 64);
}
