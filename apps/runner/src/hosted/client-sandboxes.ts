import type { CallOptions, Runtime, Sandbox, SandboxSpec } from '@hatchery/runtime';

/** The sandboxes of a runtime that were made through one API. Those of others are not seen here. */
export class ClientSandboxes<T extends object> {
  readonly #runtime: Runtime;
  readonly #adopt: (sandbox: Sandbox) => T | null;
  readonly #known = new WeakMap<Sandbox, T>();

  /** @param adopt what the API knows of a sandbox, the same object for as long as this server knows it; null: it is another's */
  constructor(runtime: Runtime, adopt: (sandbox: Sandbox) => T | null) {
    this.#runtime = runtime;
    this.#adopt = adopt;
  }

  /** One whose end has begun is found until it is gone: `sandbox.state` tells. */
  find(id: string): T | undefined {
    const sandbox = this.#runtime.get(id);
    return sandbox === undefined ? undefined : this.#of(sandbox);
  }

  list(): T[] {
    return this.#runtime.list().flatMap((sandbox) => this.#of(sandbox) ?? []);
  }

  /** @param spec with the details in its metadata. Throws as `runtime.create()`; of one that fails nothing stays listed. */
  async create(spec: SandboxSpec, options: CallOptions): Promise<T> {
    try {
      const sandbox = await this.#runtime.create(spec, options);
      const made = this.#of(sandbox);
      if (made === undefined) throw new Error(`sandbox ${sandbox.id} was made without details`);
      return made;
    } catch (error) {
      await this.#forgetFailed();
      throw error;
    }
  }

  /** One that could not be made was never anybody's: nobody knows its id. */
  #of(sandbox: Sandbox): T | undefined {
    const known = this.#known.get(sandbox);
    if (known !== undefined || sandbox.state === 'failed') return known;
    const adopted = this.#adopt(sandbox);
    if (adopted === null) return undefined;
    this.#known.set(sandbox, adopted);
    return adopted;
  }

  async #forgetFailed(): Promise<void> {
    const failed = this.#runtime
      .list()
      .filter((sandbox) => sandbox.state === 'failed' && !this.#known.has(sandbox) && this.#adopt(sandbox) !== null);
    // What cannot be removed now is debris, and the collector's; the caller is told why its create failed.
    await Promise.allSettled(failed.map((sandbox) => sandbox.destroy()));
  }
}
