import type { CallOptions, Logger, Runtime, SandboxSpec } from '@hatchery/runtime';
import { ClientSandboxes } from '../../hosted/client-sandboxes.ts';
import { isEnding, isStored, resume } from '../../hosted/resume.ts';
import { BoxError } from '../box-error.ts';
import type { Box } from './box.ts';
import { boxDetailsOf } from './box-details.ts';
import { Lifetime } from './lifetime.ts';

interface BoxesParts {
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** Fires when the server ends. */
  readonly closing: AbortSignal;
}

/** The sandboxes of a runtime that were made through the BoxLite API. Those of other clients are not seen here. */
export class Boxes {
  readonly #logger: Logger;
  readonly #sandboxes: ClientSandboxes<Box>;
  readonly #lifetimes = new WeakMap<Box, Lifetime>();
  /** Names of those that are being made. */
  readonly #reserved = new Set<string>();
  readonly #closing: AbortSignal;

  /** Those that an earlier server has left are watched over from now on, until `closing` fires. */
  constructor({ runtime, logger, closing }: BoxesParts) {
    this.#logger = logger;
    this.#closing = closing;
    this.#sandboxes = new ClientSandboxes(runtime, (sandbox) => {
      const details = boxDetailsOf(sandbox);
      return details === null ? null : { id: sandbox.id, sandbox, details };
    });
    const changes = ({ id }: { id: string }): void => {
      const box = this.#sandboxes.find(id);
      if (box !== undefined) this.#lifetimeOf(box).changes();
    };
    const subscription = runtime.subscribe({ name: 'lifetimes of boxes', onInsert: changes, onRemove: changes });
    closing.addEventListener('abort', () => subscription[Symbol.dispose](), { once: true });
    for (const box of this.list()) this.#lifetimeOf(box).plan();
  }

  /** In no order; without those whose end has begun. */
  list(): Box[] {
    return this.#sandboxes.list().filter((box) => !isEnding(box.sandbox));
  }

  /** Also those whose end has begun: what they use they use until it is confirmed. */
  all(): Box[] {
    return this.#sandboxes.list().filter(({ sandbox }) => sandbox.state !== 'destroyed');
  }

  /** By its id, else by its name. Throws not_found. */
  require(idOrName: string): Box {
    const byId = this.#sandboxes.find(idOrName);
    const box = byId ?? this.#sandboxes.list().find(({ details }) => details.name === idOrName);
    if (box === undefined || isEnding(box.sandbox))
      throw new BoxError('not_found', `there is no box "${idOrName.slice(0, 128)}"`);
    return box;
  }

  /**
   * The box, running: one that is not is started if it may. What is done with it lasts until what this returns is disposed of,
   * and until then it is not stopped for want of use. Throws not_found, stopped, and as `sandbox.start()`.
   */
  async use(idOrName: string): Promise<BoxUse> {
    const box = this.require(idOrName);
    const use = this.holdOf(box);
    try {
      await this.#lifetimeOf(box).settled();
      if (isEnding(box.sandbox)) throw new BoxError('not_found', `box "${box.id}" has just been removed`);
      await this.#wake(box);
      return { box, [Symbol.dispose]: () => use[Symbol.dispose]() };
    } catch (error) {
      use[Symbol.dispose]();
      throw error;
    }
  }

  /** Until it is disposed of the box is in use. */
  holdOf(box: Box): Disposable {
    return this.#lifetimeOf(box).hold();
  }

  /**
   * @param name nobody else's then; null: none
   * @param spec with the details in its metadata
   * @throws already_exists, and as `runtime.create()`; of one that fails nothing stays listed
   */
  async create(name: string | null, spec: SandboxSpec, options: CallOptions): Promise<Box> {
    if (name === null) return await this.#create(spec, options);
    if (this.#isTaken(name))
      throw new BoxError('already_exists', `there is a box "${name}" already; take another name, or remove it first`);
    this.#reserved.add(name);
    try {
      return await this.#create(spec, options);
    } finally {
      this.#reserved.delete(name);
    }
  }

  async #create(spec: SandboxSpec, options: CallOptions): Promise<Box> {
    const box = await this.#sandboxes.create(spec, options);
    this.#lifetimeOf(box).plan();
    return box;
  }

  #isTaken(name: string): boolean {
    return (
      this.#reserved.has(name) || this.#sandboxes.list().some(({ id, details }) => id === name || details.name === name)
    );
  }

  async #wake({ id, sandbox, details }: Box): Promise<void> {
    if (sandbox.state === 'running') return;
    if (!details.autoResume && isStored(sandbox) && sandbox.state !== 'starting')
      throw new BoxError(
        'stopped',
        `box "${id}" is ${sandbox.state}, and was made with auto_resume: false; start it first`,
      );
    await resume(sandbox);
  }

  #lifetimeOf(box: Box): Lifetime {
    const known = this.#lifetimes.get(box);
    if (known !== undefined) return known;
    const lifetime = new Lifetime(box, this.#logger, this.#closing);
    this.#lifetimes.set(box, lifetime);
    return lifetime;
  }
}

/** A box that runs, in use until it is disposed of. */
export interface BoxUse extends Disposable {
  readonly box: Box;
}
