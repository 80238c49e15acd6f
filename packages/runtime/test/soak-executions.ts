import type { Execution, ExitStatus, Runtime, Sandbox } from '../src/index.ts';

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

/** mulberry32: a failed run can be had again by its seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
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

async function runCase(sandbox: Sandbox, wanted: Case): Promise<{ status: ExitStatus; fault: string | null } | null> {
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
  return { status, fault };
}

/**
 * Runs programs of known code and output, eight at a time in each of four sandboxes, and does something to each at a
 * random moment around its end.
 */
export async function soakExecutions(runtime: Runtime, options: SoakOptions): Promise<SoakResult> {
  const random = randomFrom(options.seed);
  const pick = (below: number): number => Math.floor(random() * below);
  const result: SoakResult = { exits: 0, reasons: {}, wrong: [] };
  const slots = await Promise.all([0, 1, 2, 3].map(() => runtime.create()));
  let begun = 0;

  const takeOne = async (slot: number): Promise<void> => {
    let sandbox = slots[slot] as Sandbox;
    if (sandbox.state !== 'running') slots[slot] = sandbox = await runtime.create();
    // Destroys are rare: each ends its sandbox for all eight.
    const deed = deeds[pick(random() < 0.05 ? deeds.length : deeds.length - 1)] ?? 'leave';
    const wanted: Case = {
      code: pick(100),
      bytes: pick(3) === 0 ? pick(200_000) : pick(10),
      deed,
      after: random() * 4,
    };
    const ended = await runCase(sandbox, wanted);
    if (ended === null) {
      begun--; // not one that ran
      return;
    }
    result.exits++;
    result.reasons[ended.status.reason] = (result.reasons[ended.status.reason] ?? 0) + 1;
    // Another's destroy may have ended it, too.
    const isByOther = ended.status.reason === 'destroyed' || (wanted.deed === 'leave' && sandbox.state !== 'running');
    if (ended.fault !== null && !(isByOther && !ended.fault.includes('exit events'))) result.wrong.push(ended.fault);
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
  return result;
}
