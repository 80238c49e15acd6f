import { LineProcess, milliseconds } from '../line-process.ts';
import type { OperationName } from '../operations/operation.ts';
import { type Contestant, Participant } from './contestant.ts';
import { installedVersion } from './installed-version.ts';
import { Raw } from './raw.ts';

class Nsenter extends Participant {
  readonly version: string;
  readonly operations: ReadonlySet<OperationName> = new Set(['exec'] as const);
  readonly #launcher: LineProcess;
  readonly #raw: Raw;
  #pid = 0;

  constructor(launcher: LineProcess, raw: Raw, version: string) {
    super();
    this.#launcher = launcher;
    this.#raw = raw;
    this.version = version;
  }

  override prepare(sandboxes: number): Promise<void> {
    return this.#raw.prepare(sandboxes);
  }

  override async create(): Promise<number> {
    this.#pid = await this.#raw.createForPid();
    return 0;
  }

  override async exec(command: readonly string[]): Promise<number> {
    const words = `nsenter -t ${this.#pid} -U -m -u -i -n -p -C ${command.join(' ')}`;
    return milliseconds(await this.#launcher.ask(`run exit ${words}`), 1);
  }

  override destroy(): Promise<number> {
    return this.#raw.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#launcher[Symbol.asyncDispose]();
    await this.#raw[Symbol.asyncDispose]();
  }
}

export const nsenter: Contestant = {
  name: 'nsenter',
  leavesOut: 'enters the namespaces of a raw-lean sandbox; no cgroup, no seccomp, no capability dropped; only exec',
  async open(site) {
    const version = await installedVersion('nsenter', 'util-linux');
    await using opened = new AsyncDisposableStack();
    const raw = opened.use(await Raw.open(site, 'lean', 'nsenter'));
    const launcher = opened.use(await LineProcess.start(site.program('launch'), []));
    opened.move();
    return new Nsenter(launcher, raw, version);
  },
};
