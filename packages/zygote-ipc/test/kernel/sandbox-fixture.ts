import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  cloneTree,
  closeFd,
  currentDirectory,
  OpenFlag,
  openat2,
  reap,
  seqpacketPair,
  spawnIsolated,
  watchReadable,
} from '@hatchery/linux';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import {
  type ExecedMessage,
  type ExecMessage,
  InitConnection,
  type MadeMessage,
  type MakeMessage,
  readShim,
  type StartMessage,
  startZygote,
  type Zygote,
  type ZygoteOptions,
} from '../../src/index.ts';
import { buildShim, type ShimVariant } from './build-shim.ts';
import { ExitLog } from './exit-log.ts';
import { RawPeer } from './raw-peer.ts';
import { TestCgroup, unifiedMount } from './test-cgroup.ts';

const idsPerSandbox = 65_536;
export const token = Buffer.alloc(32, 7);

/** Null when these tests can run here. */
function missingRight(): string | null {
  if (process.getuid?.() !== 0) return 'needs root, to make namespaces and cgroups';
  return unifiedMount() === null ? 'needs a cgroup v2 hierarchy' : null;
}

export interface RawZygote {
  readonly pid: number;
  readonly peer: RawPeer<'zygote-to-runtime'>;
  /** Resolves when the process is gone, with what it ended with. */
  readonly gone: Promise<{ code: number | null; signal: number | null } | null>;
}

/** Makes zygotes and sandboxes for one test file, ends them after each test and checks that nothing is left. */
export class SandboxFixture {
  directory = '';
  shim: Uint8Array = Buffer.alloc(0);
  nothing = -1;
  #cgroup: TestCgroup | null = null;
  #made: { id: string; pidfd: number }[] = [];
  #zygotes: (Zygote | RawZygote)[] = [];
  #releases: (() => void)[] = [];
  #fds: number[] = [];
  #count = 0;
  readonly #variant: ShimVariant;

  constructor(variant: ShimVariant = 'hatchery-shim') {
    this.#variant = variant;
    const missing = missingRight();
    beforeAll(() => {
      if (missing !== null) return;
      this.directory = mkdtempSync(join(tmpdir(), 'hatchery-zygote-ipc-'));
      this.shim = readShim(buildShim(variant));
      mkdirSync(join(this.image, 'bin'), { recursive: true });
      const source = join(import.meta.dirname, '../programs/guest.c');
      const flags = ['-static', '-O1', '-Wall', '-Wextra', '-Werror'];
      execFileSync('cc', [...flags, '-o', join(this.image, 'bin/guest'), source]);
    }, 120_000);
    afterAll(() => {
      if (this.directory !== '') rmSync(this.directory, { recursive: true });
    });
    let fds: string[] = [];
    let mounts = '';
    beforeEach((context) => {
      if (missing !== null) context.skip(missing);
      fds = readdirSync('/proc/self/fd');
      mounts = readFileSync('/proc/self/mountinfo', 'utf8');
      this.nothing = openSync('/dev/null', 'r+');
      this.#cgroup = new TestCgroup(unifiedMount() ?? '', `hatchery-zygote-ipc-${process.pid}`);
      this.#cgroup.make('zygote');
    });
    afterEach(async () => {
      if (missing !== null) return;
      await this.#clear();
      expect(readdirSync('/proc/self/fd').length, 'descriptors left open').toBe(fds.length);
      expect(readFileSync('/proc/self/mountinfo', 'utf8'), 'mounts left behind').toBe(mounts);
    });
  }

  /** A directory with the guest program and nothing else. */
  get image(): string {
    return join(this.directory, 'image');
  }

  get cgroup(): TestCgroup {
    if (this.#cgroup === null) throw new Error('outside of a test');
    return this.#cgroup;
  }

  /** Closed after the test. */
  own(fd: number): number {
    this.#fds.push(fd);
    return fd;
  }

  /** Called after the test, before processes are ended. */
  release(action: () => void): void {
    this.#releases.push(action);
  }

  open(path: string, flags: number = OpenFlag.O_RDONLY): number {
    return this.own(openat2(currentDirectory, path, { flags }));
  }

  zygoteOptions(leaf = 'zygote'): ZygoteOptions {
    const cgroups = {
      leaf: this.open(join(this.cgroup.path, leaf)),
      unified: this.open(this.cgroup.path),
      memory: null,
      cpu: null,
      pids: null,
    };
    return { shim: this.shim, cgroups, keepStderr: this.#variant === 'hatchery-shim-asan' };
  }

  async zygote(options: Partial<ZygoteOptions> = {}): Promise<Zygote> {
    const zygote = await startZygote({ ...this.zygoteOptions(), ...options });
    this.#zygotes.push(zygote);
    return zygote;
  }

  /** One that has been told nothing yet; of another shim, when its path is given, which speaks another version. */
  rawZygote(shim: string = buildShim(this.#variant), version?: number): RawZygote {
    const [ours, theirs] = seqpacketPair();
    // Beside the tests' directory: a running program cannot be opened for writing, and this one is only read.
    const executableFd = openat2(currentDirectory, shim, { flags: OpenFlag.O_RDONLY });
    const stderr = this.#variant === 'hatchery-shim-asan' ? 2 : this.nothing;
    const fds = [this.nothing, this.nothing, stderr, theirs];
    const cgroupFd = this.open(join(this.cgroup.path, 'zygote'));
    const { pid, pidfd } = spawnIsolated({ executableFd, argv: ['hatchery-shim', 'zygote'], fds, cgroupFd });
    for (const fd of [theirs, executableFd]) closeFd(fd);
    const peer = new RawPeer(ours, 'zygote-to-runtime', version);
    const gone = readable(pidfd).then(() => {
      const status = reap(pidfd);
      closeFd(pidfd);
      return status;
    });
    const zygote = { pid, peer, gone };
    this.#zygotes.push(zygote);
    return zygote;
  }

  /** A request that makes a sandbox of the image; `connection` stays the caller's. */
  makeRequest(connection: number, overrides: Partial<MakeMessage> = {}): MakeMessage {
    const number = ++this.#count;
    const id = `s${number}`;
    const directory = join(this.directory, id);
    mkdirSync(directory);
    return {
      id,
      firstId: (30_000 + number) * idsPerSandbox,
      rootBytes: 16 << 20,
      rootInodes: 1000,
      shmBytes: 1 << 20,
      layerTargets: ['/'],
      bootId: randomUUID(),
      upper: null,
      netns: null,
      sandboxDirectory: this.open(directory),
      connection,
      layers: [this.own(cloneTree(currentDirectory, this.image))],
      ...overrides,
    };
  }

  /** Ended with the test. */
  took(id: string, made: MadeMessage): MadeMessage {
    this.#made.push({ id, pidfd: made.pidfd });
    return made;
  }

  /** Step one; what init says is not waited for. */
  async make(zygote: Zygote, overrides: Partial<MakeMessage> = {}): Promise<TestSandbox> {
    const [ours, theirs] = seqpacketPair();
    const request = this.makeRequest(theirs, overrides);
    const sandbox = new TestSandbox(this, request, ours);
    this.release(() => sandbox.init.close());
    try {
      const made = this.took(request.id, await zygote.make(request));
      sandbox.pid = made.pid;
      sandbox.pidfd = made.pidfd;
      return sandbox;
    } finally {
      closeFd(theirs);
    }
  }

  /** Both steps. */
  async sandbox(
    zygote: Zygote,
    start: Partial<StartMessage> = {},
    make: Partial<MakeMessage> = {},
  ): Promise<TestSandbox> {
    const sandbox = await this.make(zygote, make);
    this.own((await sandbox.init.parked).root);
    await sandbox.start(start);
    return sandbox;
  }

  /** A connection through the sandbox's socket, which has said nothing yet. */
  candidate(fd: number): RawPeer<'init-to-runtime'> {
    const peer = new RawPeer(fd, 'init-to-runtime');
    this.release(() => peer[Symbol.dispose]());
    return peer;
  }

  async #clear(): Promise<void> {
    for (const release of this.#releases.splice(0)) release();
    for (const { id, pidfd } of this.#made.splice(0)) {
      await this.cgroup.end(id);
      await readable(pidfd);
      closeFd(pidfd);
    }
    for (const zygote of this.#zygotes.splice(0)) {
      if ('close' in zygote) await zygote.close();
      else {
        zygote.peer[Symbol.dispose]();
        await zygote.gone;
      }
    }
    for (const fd of this.#fds.splice(0)) closeFd(fd);
    await this.cgroup.end();
    this.#cgroup = null;
    closeSync(this.nothing);
  }
}

export function readable(fd: number): Promise<void> {
  return new Promise((resolve) => {
    watchReadable(fd, resolve);
  });
}

/** A sandbox as the runtime's end sees it, with its exits. */
export class TestSandbox {
  readonly id: string;
  readonly directory: number;
  readonly exits: ExitLog = new ExitLog();
  readonly init: InitConnection;
  /** Resolves when the connection broke. */
  readonly closed: Promise<Error>;
  pid = 0;
  pidfd = -1;
  readonly #fixture: SandboxFixture;
  #executions = 0;

  constructor(fixture: SandboxFixture, request: MakeMessage, ours: number, wireVersion?: number) {
    this.#fixture = fixture;
    this.id = request.id;
    this.directory = request.sandboxDirectory;
    const { promise, resolve } = Promise.withResolvers<Error>();
    this.closed = promise;
    this.init = new InitConnection(ours, {
      sandboxId: request.id,
      ...(wireVersion === undefined ? {} : { wireVersion }),
      onExit: (exit) => this.exits.push(exit),
      onClosed: resolve,
    });
  }

  get cgroup(): string {
    return join(this.#fixture.cgroup.path, this.id);
  }

  start(overrides: Partial<StartMessage> = {}): Promise<void> {
    const work = this.#fixture.open(join(this.cgroup, 'work'));
    const volumes = { volumeTargets: [], volumes: [] };
    return this.init.start({ hostname: this.id, token, epoch: 5, orphanMs: 0, work, ...volumes, ...overrides });
  }

  execRequest(argv: readonly string[], overrides: Partial<ExecMessage> = {}): ExecMessage {
    const { nothing } = this.#fixture;
    return {
      execution: ++this.#executions,
      cwd: '/',
      searchPath: '/bin',
      uid: 0,
      gid: 0,
      groups: [],
      noNewPrivileges: true,
      argc: argv.length,
      envc: 0,
      block: Buffer.from(argv.map((text) => `${text}\0`).join('')),
      stdin: null,
      stdout: nothing,
      stderr: nothing,
      blockFile: null,
      cgroup: null,
      terminal: false,
      columns: 0,
      rows: 0,
      durable: false,
      label: Buffer.alloc(0),
      stdoutKept: null,
      stderrKept: null,
      ring: null,
      ...overrides,
    };
  }

  /** The pidfd is closed with the test. */
  async exec(argv: readonly string[], overrides: Partial<ExecMessage> = {}): Promise<ExecedMessage> {
    const execed = await this.init.exec(this.execRequest(argv, overrides));
    this.#fixture.own(execed.pidfd);
    return execed;
  }

  /** Runs a command to its end; the wait status. */
  async run(argv: readonly string[], overrides: Partial<ExecMessage> = {}): Promise<number> {
    const { execution } = await this.exec(argv, overrides);
    const { waitStatus } = await this.exits.of(execution);
    this.init.acknowledge(execution);
    return waitStatus;
  }
}

/** How many descriptors a process has open. */
export function countDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
