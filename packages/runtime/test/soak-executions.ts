import type { Execution, ExitStatus, Runtime, Sandbox } from '../src/index.ts';
import { randomFrom } from './random.ts';

export interface SoakOptions {
  readonly executions: number;
  readonly seed: number;
  readonly onProgress?: (done: number) => void;
}

export interface SoakResult {
  /** How many executions had their exit told, once each. */
  exits: number;
  readonly reasons: Record<string, number>;
  /** What was not as it must be, in words. */
  readonly wrong: string[];
}

const deeds = ['leave', 'leave', 'leave', 'kill', 'abort', 'close stdout', 'destroy'] as const;
type Deed = (typeof deeds)[number];

/** What each deed may lead to, beside the program's own end. */
const allowed: Readonly<Record<Deed, readonly ExitStatus['reason'][]>> = {
  leave: ['exited'],
  kill: ['exited', 'signaled'],
  abort: ['exited', 'signaled'],
  'close stdout': ['exited', 'signaled'],
  destroy: ['exited', 'destroyed', 'signaled'],
};

interface Case {
  readonly code: number;
  readonly bytes: number;
  readonly deed: Deed;
  /** Milliseconds until the deed; the program takes about one. */
  readonly after: number;
}

/** What is wrong with an end, or null. */
function judge({ code, bytes, deed }: Case, status: ExitStatus, output: number, exits: number): string | null {
  const told = `${deed}: ${JSON.stringify(status)} after ${output} of ${bytes} bytes`;
  if (exits !== 1) return `${told}: ${exits} exit events`;
  if (!allowed[deed].includes(status.reason)) return `${told}: not a reason of this deed`;
  if (status.reason !== 'exited') return status.exitCode === null ? null : `${told}: a code that nobody gave`;
  if (status.exitCode !== code) return `${told}: the code was ${code}`;
  return deed !== 'close stdout' && output !== bytes ? `${told}: output is missing` : null;
}

async function countAttached(execution: Execution): Promise<number> {
  let exits = 0;
  for await (const event of execution.attach()) {
    if (event.type === 'exit') exits++;
    else if (exits > 0) exits += 100; // something came behind the exit
  }
  return exits;
}

function act(deed: Deed, execution: Execution, sandbox: Sandbox, controller: AbortController): void {
  if (deed === 'kill') void execution.kill();
  if (deed === 'abort') controller.abort();
  if (deed === 'close stdout') execution.stdout.destroy();
  if (deed === 'destroy') void sandbox.destroy();
}

interface Ended {
  readonly execution: Execution;
  readonly status: ExitStatus;
  readonly fault: string | null;
}

/** What a replay tells, now that its sandbox is gone: a second exit would have come in the place of the first. */
async function judgeReplay({ execution, status }: Ended): Promise<string | null> {
  let told: ExitStatus | null = null;
  for await (const event of execution.attach()) if (event.type === 'exit') told = event.status;
  return told === status ? null : `an exit was replaced: ${JSON.stringify([status, told])}`;
}

async function runCase(sandbox: Sandbox, wanted: Case): Promise<Ended | null> {
  const controller = new AbortController();
  const script = `head -c ${wanted.bytes} /dev/zero; exit ${wanted.code}`;
  let execution: Execution;
  try {
    execution = await sandbox.exec(['sh', '-c', script], wanted.deed === 'abort' ? { signal: controller.signal } : {});
  } catch {
    return null; // its sandbox was destroyed by another's deed
  }
  let output = 0;
  execution.stdout.on('data', (data: Buffer) => (output += data.length));
  const attached = countAttached(execution);
  const timer = setTimeout(() => act(wanted.deed, execution, sandbox, controller), wanted.after);
  const status = await execution.wait();
  clearTimeout(timer);
  const seen = output;
  const [again, exits] = await Promise.all([execution.wait(), attached]);
  const fault = again === status ? judge(wanted, status, seen, exits) : 'wait() told another status the second time';
  return { execution, status, fault };
}

/**
 * Runs programs of known code and output, eight at a time in each of four sandboxes, and does something to each at a
 * random moment around its end.
 */
export async function soakExecutions(runtime: Runtime, options: SoakOptions): Promise<SoakResult> {
  const random = randomFrom(options.seed);
  const pick = (below: number): number => Math.floor(random() * below);
  const result: SoakResult = { exits: 0, reasons: {}, wrong: [] };
  const ended = new Map<Sandbox, Ended[]>();
  const judgeAll = async (sandbox: Sandbox): Promise<void> => {
    const faults = await Promise.all((ended.get(sandbox) ?? []).map(judgeReplay));
    ended.delete(sandbox);
    result.wrong.push(...faults.filter((fault) => fault !== null));
  };
  const slots = await Promise.all([0, 1, 2, 3].map(() => runtime.create()));
  const successors = new Map<Sandbox, Promise<void>>();
  let begun = 0;

  const replace = async (slot: number, gone: Sandbox): Promise<void> => {
    slots[slot] = await runtime.create();
    await gone.destroy();
    await judgeAll(gone);
    successors.delete(gone);
  };

  /** Eight share a slot: the first of them to find its sandbox ended has it replaced, once, for all. */
  const sandboxIn = async (slot: number): Promise<Sandbox> => {
    for (;;) {
      const sandbox = slots[slot] as Sandbox;
      if (sandbox.state === 'running') return sandbox;
      const replaced = successors.get(sandbox) ?? replace(slot, sandbox);
      successors.set(sandbox, replaced);
      await replaced;
    }
  };

  const takeOne = async (slot: number): Promise<void> => {
    const sandbox = await sandboxIn(slot);
    // Destroys are rare: each ends its sandbox for all eight.
    const deed = deeds[pick(random() < 0.05 ? deeds.length : deeds.length - 1)] ?? 'leave';
    const wanted: Case = {
      code: pick(100),
      bytes: pick(3) === 0 ? pick(200_000) : pick(10),
      deed,
      after: random() * 4,
    };
    const end = await runCase(sandbox, wanted);
    if (end === null) {
      begun--; // not one that ran
      return;
    }
    const ends = ended.get(sandbox) ?? [];
    ends.push(end);
    ended.set(sandbox, ends);
    result.exits++;
    result.reasons[end.status.reason] = (result.reasons[end.status.reason] ?? 0) + 1;
    // Another's destroy may have ended it, too, but only with its sandbox, and never with a code of its own making.
    const isByOther = sandbox.state !== 'running' && ['destroyed', 'signaled'].includes(end.status.reason);
    if (end.fault !== null && !(isByOther && !end.fault.includes('exit events'))) result.wrong.push(end.fault);
    options.onProgress?.(result.exits);
  };

  const work = async (worker: number): Promise<void> => {
    while (begun < options.executions) {
      begun++;
      await takeOne(worker % slots.length);
    }
  };
  await Promise.all(Array.from({ length: 32 }, (_, worker) => work(worker)));
  await Promise.all(slots.map((sandbox) => sandbox.destroy()));
  for (const sandbox of ended.keys()) await judgeAll(sandbox);
  return result;
}
