import type { Runtime, RuntimeEvent, Sandbox, SandboxSubscriber } from '@hatchery/runtime';
import type { HostedSandbox } from '../hosted/hosted-sandbox.ts';
import { SandboxConnections } from './sandbox-connections.ts';

/** The connections of every sandbox that has had requests. They end with its pause, its stop and its destroy. */
export class ConnectionMap implements SandboxSubscriber {
  readonly name = 'connections of the proxy';
  readonly #bySandbox = new Map<Sandbox, SandboxConnections>();
  readonly #subscription: Disposable;
  readonly #closing = new AbortController();

  constructor(runtime: Runtime) {
    this.#subscription = runtime.subscribe(this);
    void this.#follow(runtime.events({ signal: this.#closing.signal }));
  }

  of(hosted: HostedSandbox): SandboxConnections {
    const { sandbox } = hosted;
    const found = this.#bySandbox.get(sandbox) ?? new SandboxConnections(hosted);
    this.#bySandbox.set(sandbox, found);
    return found;
  }

  onRemove(sandbox: Sandbox): void {
    this.#end(sandbox);
  }

  close(): void {
    this.#subscription[Symbol.dispose]();
    this.#closing.abort();
    for (const sandbox of this.#bySandbox.keys()) this.#end(sandbox);
  }

  async #follow(events: AsyncIterable<RuntimeEvent>): Promise<void> {
    try {
      for await (const { type } of events) if (type === 'paused' || type === 'gap') this.#endPaused();
    } catch {
      // Closed, or the runtime is.
    }
  }

  /** One that has been resumed by now has the same processes, and what is open to them goes on. */
  #endPaused(): void {
    for (const sandbox of this.#bySandbox.keys()) if (sandbox.state === 'paused') this.#end(sandbox);
  }

  #end(sandbox: Sandbox): void {
    this.#bySandbox.get(sandbox)?.end();
    this.#bySandbox.delete(sandbox);
  }
}
