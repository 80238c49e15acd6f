import { LineProcess, milliseconds } from '../line-process.ts';
import type { OperationName } from '../operations/operation.ts';
import type { Site } from '../site.ts';
import { Participant } from './contestant.ts';

export type RawOrder = 'naive' | 'lean' | 'lean-fresh-network';

/** More at once lose throughput in the kernel. */
const inFlight = 8;

/** The native driver `raw`, in one of its orders. */
export class Raw extends Participant {
  readonly version = 'C, this repository';
  readonly operations: ReadonlySet<OperationName> = new Set([
    'first-byte',
    'pool-first-byte',
    'create-to-exit',
    'create',
    'exec',
    'destroy',
    'burst',
    'pool-burst',
    'cycles',
  ] as const);
  readonly #driver: LineProcess;
  readonly #order: RawOrder;

  private constructor(driver: LineProcess, order: RawOrder) {
    super();
    this.#driver = driver;
    this.#order = order;
  }

  static async open(site: Site, order: RawOrder, name: string = order): Promise<Raw> {
    const words = [order, await site.place(`raw-${name}`), site.root, site.uniqueName(name)];
    return new Raw(await LineProcess.start(site.program('raw'), words), order);
  }

  override async prepare(sandboxes: number): Promise<void> {
    await this.#driver.ask(`stock ${sandboxes} ${this.#order === 'lean' ? sandboxes : 0}`);
  }

  override async createToExit(command: readonly string[]): Promise<number> {
    return milliseconds(await this.#driver.ask(`run exit ${command.join(' ')}`), 1);
  }

  override async firstByte(command: readonly string[]): Promise<number> {
    return milliseconds(await this.#driver.ask(`run first ${command.join(' ')}`), 0);
  }

  /** Whole, its init sealed: what a parked one has left to do is not in the figure. */
  override async prepareParked(sandboxes: number): Promise<void> {
    await this.prepare(sandboxes);
    if (sandboxes === 1) await this.create();
    else await this.#driver.ask(`park ${sandboxes}`);
  }

  override async parkedFirstByte(command: readonly string[]): Promise<number> {
    const took = milliseconds(await this.#driver.ask(`exec first ${command.join(' ')}`), 0);
    await this.destroy();
    return took;
  }

  override async create(): Promise<number> {
    return milliseconds(await this.#driver.ask('create'), 0);
  }

  /** As `create`, for those who enter the sandbox from outside: the pid of its init. */
  async createForPid(): Promise<number> {
    const pid = (await this.#driver.ask('create'))[1];
    if (pid === undefined) throw new Error('raw create told no pid');
    return pid;
  }

  override async exec(command: readonly string[]): Promise<number> {
    return milliseconds(await this.#driver.ask(`exec exit ${command.join(' ')}`), 1);
  }

  override async destroy(): Promise<number> {
    return milliseconds(await this.#driver.ask('destroy'), 0);
  }

  override async burst(count: number, command: readonly string[]): Promise<number> {
    return milliseconds(await this.#driver.ask(`burst ${count} ${inFlight} ${command.join(' ')}`), 0);
  }

  override async parkedBurst(count: number, command: readonly string[]): Promise<number> {
    return milliseconds(await this.#driver.ask(`parked ${count} ${inFlight} ${command.join(' ')}`), 0);
  }

  override async cycles(count: number, command: readonly string[]): Promise<number> {
    return milliseconds(await this.#driver.ask(`cycles ${count} ${inFlight} ${command.join(' ')}`), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#driver[Symbol.asyncDispose]();
  }
}
