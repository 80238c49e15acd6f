import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { CreatedFrom, Runtime, Sandbox, SandboxSpec } from '@hatchery/runtime';

import type { OperationName } from '../operations/operation.ts';
import type { Site } from '../site.ts';
import { AbsentError, type Contestant, Participant } from './contestant.ts';

const inFlight = 8;

type Command = readonly [string, ...string[]];

function asCommand(words: readonly string[]): Command {
  const [program, ...rest] = words;
  if (program === undefined) throw new Error('an empty command');
  return [program, ...rest];
}

/** A code where there is one: messages of the module loader hold paths of this machine, and this text is shown in the README. */
function describeFailure(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return 'code' in cause ? String(cause.code) : cause.message;
}

/** Two runtimes, and what their sandboxes are. */
interface Parts {
  readonly operations: readonly OperationName[];
  readonly spec: SandboxSpec;
  readonly runtime: Runtime;
  /** Has one parked. */
  readonly pooled: Runtime;
  /** One more, in the same place, with `parked` sandboxes ahead at most. */
  open(parked: number): Promise<Runtime>;
  readonly runDirectory: string;
}

class Hatchery extends Participant {
  readonly version: string = 'this repository';
  readonly operations: ReadonlySet<OperationName>;
  readonly #parts: Parts;
  #sandbox: Sandbox | null = null;
  #serial = 0;
  /** With what `prepareParked` made; for one burst. */
  #crowded: Runtime | null = null;

  constructor(parts: Parts) {
    super();
    this.#parts = parts;
    this.operations = new Set(parts.operations);
  }

  override async createToExit(words: readonly string[]): Promise<number> {
    const command = asCommand(words);
    const began = performance.now();
    const sandbox = await this.#create(this.#parts.runtime);
    try {
      await this.#run(sandbox, command);
      return performance.now() - began;
    } finally {
      await sandbox.destroy();
    }
  }

  override firstByte(words: readonly string[]): Promise<number> {
    return this.#firstByte(this.#parts.runtime, asCommand(words), 'demand');
  }

  /** A crowd has a runtime of its own: the others shall not be busy with keeping as many ready. */
  override async prepareParked(sandboxes: number): Promise<void> {
    if (sandboxes > 1) this.#crowded = await this.#parts.open(sandboxes);
    const runtime = this.#crowded ?? this.#parts.pooled;
    while ((runtime.poolStats()?.parked ?? 0) < sandboxes) {
      // Nothing is made before somebody has asked.
      if (runtime.poolStats()?.missing === 0) await (await this.#create(runtime)).destroy();
      await delay(1);
    }
    await runtime.waitForLifecycles();
  }

  override parkedFirstByte(words: readonly string[]): Promise<number> {
    return this.#firstByte(this.#parts.pooled, asCommand(words), 'pool');
  }

  override async create(): Promise<number> {
    const began = performance.now();
    this.#sandbox = await this.#create(this.#parts.runtime);
    return performance.now() - began;
  }

  override async exec(words: readonly string[]): Promise<number> {
    const sandbox = this.#current();
    const command = asCommand(words);
    const began = performance.now();
    await this.#run(sandbox, command);
    return performance.now() - began;
  }

  override async destroy(): Promise<number> {
    const sandbox = this.#current();
    const began = performance.now();
    await sandbox.destroy();
    const took = performance.now() - began;
    this.#sandbox = null;
    return took;
  }

  override burst(count: number, words: readonly string[]): Promise<number> {
    return this.#burst(this.#parts.runtime, count, asCommand(words), 'demand');
  }

  override async parkedBurst(count: number, words: readonly string[]): Promise<number> {
    await using runtime = this.#crowded ?? this.#parts.pooled;
    this.#crowded = null;
    return await this.#burst(runtime, count, asCommand(words), 'pool');
  }

  override async cycles(count: number, words: readonly string[]): Promise<number> {
    const command = asCommand(words);
    let left = count;
    const lane = async (): Promise<void> => {
      while (left-- > 0) {
        await using sandbox = await this.#create(this.#parts.runtime);
        await this.#run(sandbox, command);
      }
    };
    const began = performance.now();
    await Promise.all(Array.from({ length: inFlight }, lane));
    return performance.now() - began;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { runtime, pooled, runDirectory } = this.#parts;
    for (const one of [this.#crowded, runtime, pooled]) await one?.close();
    await rm(runDirectory, { recursive: true });
  }

  async #burst(runtime: Runtime, count: number, command: Command, from: CreatedFrom): Promise<number> {
    const sandboxes: Sandbox[] = [];
    const one = async (): Promise<void> => {
      const sandbox = await this.#create(runtime);
      sandboxes.push(sandbox);
      await this.#run(sandbox, command);
    };
    const began = performance.now();
    const outcomes = await Promise.allSettled(Array.from({ length: count }, one));
    const took = performance.now() - began;
    const others = sandboxes.filter(({ createdFrom }) => createdFrom !== from).length;
    await Promise.all(sandboxes.map((sandbox) => sandbox.destroy()));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    if (others > 0) throw new Error(`${others} of ${count} sandboxes were not from the ${from}`);
    return took;
  }

  async #firstByte(runtime: Runtime, command: Command, from: CreatedFrom): Promise<number> {
    const began = performance.now();
    const sandbox = await this.#create(runtime);
    try {
      const execution = await sandbox.exec(command);
      await once(execution.stdout, 'data');
      const took = performance.now() - began;
      if (sandbox.createdFrom !== from) throw new Error(`the sandbox came from ${sandbox.createdFrom}`);
      await execution.wait();
      return took;
    } finally {
      await sandbox.destroy();
    }
  }

  /** One whose id is given is not taken from the pool; a slot that is ready is. */
  #create(runtime: Runtime): Promise<Sandbox> {
    const { spec } = this.#parts;
    return runtime.create(runtime === this.#parts.runtime ? { ...spec, id: `b${this.#serial++}` } : spec);
  }

  #current(): Sandbox {
    if (this.#sandbox === null) throw new Error('hatchery has no sandbox yet');
    return this.#sandbox;
  }

  async #run(sandbox: Sandbox, command: Command): Promise<void> {
    const result = await sandbox.run(command);
    if (result.exitCode !== 0) {
      throw new Error(`${command.join(' ')} in a sandbox: ${result.reason}, exit code ${result.exitCode}`);
    }
  }
}

async function openHatchery(
  site: Site,
  { operations, network }: { operations: readonly OperationName[]; network: SandboxSpec['network'] },
): Promise<Hatchery> {
  const library = await import('@hatchery/runtime').catch((cause: unknown) => {
    throw new AbsentError(`@hatchery/runtime does not load (${describeFailure(cause)}): npm run build`, { cause });
  });
  // On a tmpfs, as /run is on most hosts and on the developers' is not; the peers' state is on one, too.
  const runDirectory = await mkdtemp('/dev/shm/hatchery-bench-');
  const open = (parked: number): Promise<Runtime> =>
    library.Runtime.open({ runDirectory, pool: parked === 0 ? false : { floor: 0, ceiling: parked } });
  const spec = { image: site.root, ...(network === undefined ? {} : { network }) };
  const runtime = await open(network === undefined ? 0 : inFlight);
  return new Hatchery({ operations, spec, runtime, pooled: await open(1), open, runDirectory });
}

const withoutSandbox = [
  'pool-first-byte',
  'first-byte',
  'create-to-exit',
  'create',
  'burst',
  'pool-burst',
  'cycles',
] as const;

export const hatchery: Contestant = {
  name: 'hatchery',
  leavesOut:
    'nothing: timed in TypeScript around create(), run() and destroy(), output collected; run directory on a tmpfs',
  open: (site) => openHatchery(site, { operations: [...withoutSandbox, 'exec', 'destroy'], network: undefined }),
};

export const hatcherySlot: Contestant = {
  name: 'hatchery-slot',
  leavesOut:
    'nothing: hatchery, each sandbox on a network slot of its own (veth pair, address, rules), outward open; on demand up to 8 slots are ready when there was time',
  open: (site) => openHatchery(site, { operations: withoutSandbox, network: 'slot' }),
};
