import { readdirSync } from 'node:fs';
import type { HatcheryError, Runtime, Sandbox } from '../src/index.ts';
import { pidsIn, unifiedCgroup, zygoteOf } from './host-view.ts';
import { randomFrom } from './random.ts';

export interface LifecycleSoakOptions {
  readonly cycles: number;
  readonly seed: number;
  /** Name of the runtime's instance, in whose cgroups the parts are found that are killed. */
  readonly instance: string;
  readonly onProgress?: (sample: SoakSample) => void;
}

export interface SoakSample {
  readonly cycles: number;
  readonly rssBytes: number;
  readonly descriptors: number;
}

export interface LifecycleSoakResult {
  readonly kills: Record<'zygote' | 'init', number>;
  /** Codes of what failed because a part was killed, and how often. */
  readonly failures: Record<string, number>;
  /** What was not as it must be, in words. */
  readonly wrong: string[];
}

/** At a time; each cycle's kill hits whoever is in the way. */
const inFlight = 8;
const sampleEvery = 500;
/** What a call may be told when its sandbox's init or the zygote is killed under it. */
const expected = new Set([
  'ERR_SANDBOX_STATE',
  'ERR_SANDBOX_LOST',
  'ERR_SANDBOX_PAUSE',
  'ERR_SANDBOX_CREATE',
  'ERR_ZYGOTE_LOST',
  'ERR_EXEC_FAILED',
]);

/** Creates, pauses, resumes and destroys, and kills parts with SIGKILL at random moments meanwhile. */
export async function soakLifecycles(runtime: Runtime, options: LifecycleSoakOptions): Promise<LifecycleSoakResult> {
  const random = randomFrom(options.seed);
  const result: LifecycleSoakResult = { kills: { zygote: 0, init: 0 }, failures: {}, wrong: [] };
  let begun = 0;

  function killSomething(sandbox: Sandbox): void {
    const part = random() < 0.02 ? 'zygote' : random() < 0.1 ? 'init' : null;
    if (part === null) return;
    const [pid] =
      part === 'zygote' ? [zygoteOf(options.instance)] : pidsIn(unifiedCgroup(options.instance, `${sandbox.id}/init`));
    if (pid === undefined) return;
    process.kill(pid, 'SIGKILL');
    result.kills[part]++;
  }

  async function cycle(): Promise<void> {
    const sandbox = await runtime.create({ limits: { memoryBytes: 2 ** 26 } });
    try {
      await sandbox.exec(['sleep', 'infinity']);
      setTimeout(() => ignore(() => killSomething(sandbox)), random() * 3);
      await sandbox.pause();
      await sandbox.resume();
      const { exitCode } = await sandbox.run(['true']);
      if (exitCode !== 0 && exitCode !== null) result.wrong.push(`true ended with ${exitCode}`);
    } finally {
      await sandbox.destroy();
      if (sandbox.state !== 'destroyed') result.wrong.push(`${sandbox.id} is ${sandbox.state} after its destroy`);
    }
  }

  async function work(): Promise<void> {
    while (begun < options.cycles) {
      if (++begun % sampleEvery === 0) options.onProgress?.(sample(begun));
      await cycle().catch((error: HatcheryError) => {
        result.failures[error.code] = (result.failures[error.code] ?? 0) + 1;
        if (!expected.has(error.code)) result.wrong.push(error.message ?? String(error));
      });
    }
  }

  await Promise.all(Array.from({ length: inFlight }, work));
  for (const { id } of runtime.list()) await runtime.get(id)?.destroy();
  return result;
}

/** The zygote is just being replaced, say. */
function ignore(act: () => void): void {
  try {
    act();
  } catch {
    // nobody to kill
  }
}

export function sample(cycles: number): SoakSample {
  return { cycles, rssBytes: process.memoryUsage().rss, descriptors: readdirSync('/proc/self/fd').length };
}
