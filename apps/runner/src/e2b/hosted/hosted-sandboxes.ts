import { type CallOptions, HatcheryError, type Runtime, type Sandbox, type SandboxSpec } from '@hatchery/runtime';
import { ClientSandboxes } from '../../hosted/client-sandboxes.ts';
import { isStored, resume } from '../../hosted/resume.ts';
import type { TokenSeed } from '../tokens/token-seed.ts';
import { readDetails } from './hosted-details.ts';
import type { HostedSandbox } from './hosted-sandbox.ts';
import { Networks } from './networks.ts';
import { SandboxLog } from './sandbox-log.ts';
import { Usage } from './usage.ts';

/** `id`, or `id-client` as older clients put it together. */
const idPattern = /^([a-z0-9]+)(?:-[a-z0-9]+)?$/;

/** The sandboxes of a runtime that were made through the E2B API. Those of other clients are not seen here. */
export class HostedSandboxes {
  readonly #seed: TokenSeed;
  readonly #sandboxes: ClientSandboxes<HostedSandbox>;
  readonly #logs = new WeakMap<Sandbox, SandboxLog>();
  readonly usage: Usage = new Usage();
  readonly networks: Networks = new Networks();

  constructor(runtime: Runtime, seed: TokenSeed) {
    this.#seed = seed;
    this.#sandboxes = new ClientSandboxes(runtime, (sandbox) => this.#adopt(sandbox));
  }

  /** By `id` or `id-client`. One whose end has begun is found until it is gone: `sandbox.state` tells. */
  find(id: string): HostedSandbox | undefined {
    const [, bareId] = idPattern.exec(id) ?? [];
    return bareId === undefined ? undefined : this.#sandboxes.find(bareId);
  }

  list(): HostedSandbox[] {
    return this.#sandboxes.list();
  }

  /**
   * Running again: at once when it runs; a paused one is resumed if its `autoResume` is on and it has its memory. Throws
   * ERR_SANDBOX_STATE when not, or when it ends; otherwise as `sandbox.resume()`.
   */
  async wake({ sandbox, details, id }: HostedSandbox): Promise<void> {
    if (sandbox.state === 'running') return;
    const remedy = 'connect to it first';
    const refuse = (why: string): HatcheryError =>
      new HatcheryError('ERR_SANDBOX_STATE', `sandbox ${id} is ${sandbox.state}${why}: ${remedy}`);
    if (!details.autoResume) throw refuse(', and was made without autoResume');
    // What would start anew, without any of its programs, is no answer to a request.
    if (isStored(sandbox) && sandbox.state !== 'starting') throw refuse(', with its files alone');
    await resume(sandbox);
  }

  /** @param spec with the details in its metadata. Throws as `runtime.create()`; of one that fails nothing stays listed. */
  create(spec: SandboxSpec, options: CallOptions): Promise<HostedSandbox> {
    return this.#sandboxes.create(spec, options);
  }

  /** What happened in it and what it wrote, as long as this server lives. */
  logOf({ sandbox }: HostedSandbox): SandboxLog {
    const known = this.#logs.get(sandbox);
    if (known !== undefined) return known;
    const log = new SandboxLog();
    this.#logs.set(sandbox, log);
    return log;
  }

  #adopt(sandbox: Sandbox): HostedSandbox | null {
    const details = readDetails(sandbox);
    if (details === null) return null;
    const { id } = sandbox;
    const envdToken = details.secure ? this.#seed.envdToken(id) : null;
    const trafficToken = details.allowPublicTraffic ? null : this.#seed.trafficToken(id);
    return { id, sandbox, details, envdToken, trafficToken };
  }
}
