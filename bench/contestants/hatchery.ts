import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Runtime, Sandbox } from '@hatchery/runtime';

import type { OperationName } from '../operations/operation.ts';
import type { Site } from '../site.ts';
import { AbsentError, type Contestant, Participant } from './contestant.ts';

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

class Hatchery extends Participant {
  readonly version: string = 'this repository';
  readonly operations: ReadonlySet<OperationName> = new Set([
    'first-byte',
    'pool-first-byte',
    'create-to-exit',
    'create',
    'exec',
    'destroy',
    'burst',
  ] as const);
  readonly #runtime: Runtime;
  readonly #pooled: Runtime;
  readonly #site: Site;
  #sandbox: Sandbox | null = null;

  readonly #runDirectory: string;

  constructor(runtime: Runtime, pooled: Runtime, site: Site, runDirectory: string) {
    super();
    this.#runDirectory = runDirectory;
    this.#runtime = runtime;
    this.#pooled = pooled;
    this.#site = site;
  }

  override async createToExit(words: readonly string[]): Promise<number> {
    const command = asCommand(words);
    const began = performance.now();
    const sandbox = await this.#create();
    try {
      await this.#run(sandbox, command);
      return performance.now() - began;
    } finally {
      await sandbox.destroy();
    }
  }

  override firstByte(words: readonly string[]): Promise<number> {
    return this.#firstByte(this.#runtime, asCommand(words), 'demand');
  }

  override async prepareParked(): Promise<void> {
    while ((this.#pooled.poolStats()?.parked ?? 0) === 0) {
      // Nothing is made before somebody has asked.
      if (this.#pooled.poolStats()?.missing === 0)
        await (await this.#pooled.create({ image: this.#site.root })).destroy();
      await delay(1);
    }
  }

  override parkedFirstByte(words: readonly string[]): Promise<number> {
    return this.#firstByte(this.#pooled, asCommand(words), 'pool');
  }

  override async create(): Promise<number> {
    const began = performance.now();
    this.#sandbox = await this.#create();
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

  override async burst(count: number, words: readonly string[]): Promise<number> {
    const command = asCommand(words);
    const sandboxes: Sandbox[] = [];
    const one = async (): Promise<void> => {
      const sandbox = await this.#create();
      sandboxes.push(sandbox);
      await this.#run(sandbox, command);
    };
    const began = performance.now();
    const outcomes = await Promise.allSettled(Array.from({ length: count }, one));
    const took = performance.now() - began;
    await Promise.all(sandboxes.map((sandbox) => sandbox.destroy()));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    return took;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#runtime.close();
    await this.#pooled.close();
    await rm(this.#runDirectory, { recursive: true });
  }

  async #firstByte(runtime: Runtime, command: Command, from: string): Promise<number> {
    const began = performance.now();
    const sandbox = await runtime.create({ image: this.#site.root });
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

  #create(): Promise<Sandbox> {
    return this.#runtime.create({ image: this.#site.root });
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

export const hatchery: Contestant = {
  name: 'hatchery',
  leavesOut:
    'nothing: timed in TypeScript around create(), run() and destroy(), output collected; run directory on a tmpfs',
  async open(site) {
    const library = await import('@hatchery/runtime').catch((cause: unknown) => {
      throw new AbsentError(`@hatchery/runtime does not load (${describeFailure(cause)}): npm run build`, { cause });
    });
    // On a tmpfs, as /run is on most hosts and on the developers' is not; the peers' state is on one, too.
    const runDirectory = await mkdtemp('/dev/shm/hatchery-bench-');
    const runtime = await library.Runtime.open({ runDirectory });
    const pooled = await library.Runtime.open({ runDirectory, pool: { floor: 0, ceiling: 1 } });
    return new Hatchery(runtime, pooled, site, runDirectory);
  },
};
