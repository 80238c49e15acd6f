import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Runtime, type RuntimeOptions, type SandboxSpec } from '@hatchery/runtime';
import { afterAll, beforeAll, vi } from 'vitest';
import { type Belongings, expectNoLeaks, listBelongings } from '../../../../tests/hostile/leak-check.ts';
import { type HostedDetails, withDetails } from '../../src/e2b/hosted/hosted-details.ts';
import { HostedSandboxes } from '../../src/e2b/hosted/hosted-sandboxes.ts';
import { TokenSeed } from '../../src/e2b/tokens/token-seed.ts';

/** What a sandbox is that was asked for with nothing but the template `base`. */
export const plainDetails: Omit<HostedDetails, 'envVars'> = {
  templateId: 'base',
  alias: 'base',
  secure: true,
  autoPause: false,
  autoPauseMemory: true,
  autoResume: false,
  allowPublicTraffic: true,
  maskRequestHost: null,
  httpsPorts: [],
  defaultUser: 'user',
  network: { allowOut: [], denyOut: [], allowInternetAccess: null },
};

/** A spec whose sandbox is hosted. */
export function hostedSpec(details: Partial<HostedDetails> = {}, spec: SandboxSpec = {}): SandboxSpec {
  return { user: 'user', ...spec, metadata: withDetails(spec.metadata ?? {}, { ...plainDetails, ...details }) };
}

export interface UsedHosted {
  /** For what a server keeps beside the runtime. */
  readonly directory: string;
  readonly runtime: Runtime;
  readonly hosted: HostedSandboxes;
  /** Lets go of every sandbox and opens the instance anew, as a restarted server does. @param meanwhile nobody is there */
  reopen(meanwhile?: () => Promise<void>): Promise<void>;
}

// In memory, as a run directory is.
const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/**
 * A runtime with its hosted sandboxes for the tests of one file; the file fails when anything of it is left.
 * @param more asked once the tests begin
 */
export function useHosted(more: () => RuntimeOptions = () => ({})): UsedHosted {
  const directory = mkdtempSync(join(parent, 'hatchery-test-'));
  const scope = { runDirectory: join(directory, 'run'), instance: `test-${randomBytes(5).toString('hex')}` };
  const dataDirectory = join(directory, 'data');
  let before: Belongings | null = null;
  let runtime: Runtime | null = null;
  let hosted: HostedSandboxes | null = null;
  const open = async (): Promise<void> => {
    runtime = await Runtime.open({ ...scope, dataDirectory, pool: false, ...more() });
    hosted = new HostedSandboxes(runtime, await TokenSeed.open(dataDirectory));
  };
  beforeAll(async () => {
    before = listBelongings(scope);
    await open();
  });
  afterAll(async () => {
    await runtime?.close();
    // Zombies of a killed zygote are the host's PID 1's, which may take its time.
    const then = before;
    if (then !== null) await vi.waitFor(() => expectNoLeaks(then, scope), { timeout: 10_000 });
    rmSync(directory, { recursive: true });
  });
  return {
    directory,
    get runtime() {
      if (runtime === null) throw new Error('the runtime is open only while the tests run');
      return runtime;
    },
    get hosted() {
      if (hosted === null) throw new Error('the runtime is open only while the tests run');
      return hosted;
    },
    async reopen(meanwhile) {
      await runtime?.close({ sandboxes: 'keep' });
      await meanwhile?.();
      await open();
    },
  };
}
