import { LineProcess, milliseconds } from '../line-process.ts';
import type { OperationName } from '../operations/operation.ts';
import type { Site } from '../site.ts';
import { type Contestant, Participant } from './contestant.ts';
import { installedVersion } from './installed-version.ts';

const inFlight = 8;

class Bubblewrap extends Participant {
  readonly version: string;
  readonly operations: ReadonlySet<OperationName> = new Set(['create-to-exit', 'create', 'burst'] as const);
  readonly #launcher: LineProcess;
  readonly #words: string;

  constructor(launcher: LineProcess, site: Site, version: string) {
    super();
    this.#launcher = launcher;
    this.version = version;
    this.#words = `bwrap --unshare-all --die-with-parent --new-session --ro-bind ${site.root} / --proc /proc --dev /dev --tmpfs /tmp`;
  }

  override async createToExit(command: readonly string[]): Promise<number> {
    return milliseconds(await this.#launcher.ask(`run exit ${this.#words} ${command.join(' ')}`), 1);
  }

  /** Until the first byte of a program that then stays: it has no detached mode to wait for. */
  override async create(): Promise<number> {
    return milliseconds(await this.#launcher.ask(`hold ${this.#words} /bin/hold`), 0);
  }

  override async destroy(): Promise<number> {
    return milliseconds(await this.#launcher.ask('release'), 0);
  }

  override async burst(count: number, command: readonly string[]): Promise<number> {
    return milliseconds(await this.#launcher.ask(`burst ${count} ${inFlight} ${this.#words} ${command.join(' ')}`), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#launcher[Symbol.asyncDispose]();
  }
}

export const bwrap: Contestant = {
  name: 'bwrap',
  leavesOut: 'no cgroup and no limits, no seccomp, no overlay (root read-only); has no exec and no destroy',
  async open(site) {
    const version = await installedVersion('bwrap', 'bubblewrap');
    return new Bubblewrap(await LineProcess.start(site.program('launch'), []), site, version);
  },
};
