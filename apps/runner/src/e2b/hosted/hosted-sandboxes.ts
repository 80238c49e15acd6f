import { type CallOptions, HatcheryError, type Runtime, type Sandbox, type SandboxSpec } from '@hatchery/runtime';
import type { TokenSeed } from '../tokens/token-seed.ts';
import { readDetails } from './hosted-details.ts';
import type { HostedSandbox } from './hosted-sandbox.ts';
import { Networks } from './networks.ts';
import { isStored, resume } from './resume.ts';
import { SandboxLog } from './sandbox-log.ts';
import { Usage } from './usage.ts';

/** `id`, or `id-client` as older clients put it together. */
const idPattern = /^([a-z0-9]+)(?:-[a-z0-9]+)?$/;

/** The sandboxes of a runtime that were made through the E2B API. Those of other clients are not seen here. */
export class HostedSandboxes {
  readonly #runtime: Runtime;
  readonly #seed: TokenSeed;
  readonly #hosted = new WeakMap<Sandbox, HostedSandbox>();
  readonly #logs = new WeakMap<Sandbox, SandboxLog>();
  readonly usage: Usage = new Usage();
  readonly networks: Networks = new Networks();

  constructor(runtime: Runtime, seed: TokenSeed) {
    this.#runtime = runtime;
    this.#seed = seed;
  }

  /** By `id` or `id-client`. One whose end has begun is found until it is gone: `sandbox.state` tells. */
  find(id: string): HostedSandbox | undefined {
    const [, bareId] = idPattern.exec(id) ?? [];
    const sandbox = bareId === undefined ? undefined : this.#runtime.get(bareId);
    return sandbox === undefined ? undefined : this.#hostedOf(sandbox);
  }

  list(): HostedSandbox[] {
    return this.#runtime.list().flatMap((sandbox) => this.#hostedOf(sandbox) ?? []);
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
  async create(spec: SandboxSpec, options: CallOptions): Promise<HostedSandbox> {
    try {
      const sandbox = await this.#runtime.create(spec, options);
      const hosted = this.#hostedOf(sandbox);
      if (hosted === undefined) throw new Error(`sandbox ${sandbox.id} was made without details`);
      return hosted;
    } catch (error) {
      await this.#forgetFailed();
      throw error;
    }
  }

  /** What happened in it and what it wrote, as long as this server lives. */
  logOf({ sandbox }: HostedSandbox): SandboxLog {
    const known = this.#logs.get(sandbox);
    if (known !== undefined) return known;
    const log = new SandboxLog();
    this.#logs.set(sandbox, log);
    return log;
  }

  /** One that could not be made was never anybody's: nobody knows its id. */
  #hostedOf(sandbox: Sandbox): HostedSandbox | undefined {
    const known = this.#hosted.get(sandbox);
    return known !== undefined || sandbox.state === 'failed' ? known : this.#adopt(sandbox);
  }

  #adopt(sandbox: Sandbox): HostedSandbox | undefined {
    const details = readDetails(sandbox);
    if (details === null) return undefined;
    const { id } = sandbox;
    const envdToken = details.secure ? this.#seed.envdToken(id) : null;
    const trafficToken = details.allowPublicTraffic ? null : this.#seed.trafficToken(id);
    const hosted = { id, sandbox, details, envdToken, trafficToken };
    this.#hosted.set(sandbox, hosted);
    return hosted;
  }

  async #forgetFailed(): Promise<void> {
    const failed = this.#runtime
      .list()
      .filter((sandbox) => sandbox.state === 'failed' && !this.#hosted.has(sandbox) && readDetails(sandbox) !== null);
    // What cannot be removed now is debris, and the collector's; the caller is told why its create failed.
    await Promise.allSettled(failed.map((sandbox) => sandbox.destroy()));
  }
}
