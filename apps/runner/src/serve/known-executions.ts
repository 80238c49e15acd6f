import type { Execution, ExitStatus, Sandbox } from '@hatchery/runtime';
import type { ExecutionView } from '../wire/views.ts';
import type { Metrics } from './metrics/metrics.ts';

/** Of one sandbox; those that were started longest ago are forgotten first. */
const maxKnown = 1000;
/** Characters of a command that are kept for a listing. */
const commandLength = 256;

interface Known {
  readonly execution: Execution;
  readonly command: string[] | null;
  readonly startedAt: Date | null;
  status: ExitStatus | null;
}

/** The executions of each sandbox, those that have ended too as long as their output can be replayed. They go with it. */
export class KnownExecutions {
  readonly #metrics: Metrics;
  readonly #bySandbox = new WeakMap<Sandbox, Map<string, Known>>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** @param command null: an earlier server started it */
  add(sandbox: Sandbox, execution: Execution, command: readonly string[] | null): void {
    const entry: Known = {
      execution,
      command: command === null ? null : abridge(command),
      startedAt: command === null ? null : new Date(),
      status: null,
    };
    if (command === null) this.#metrics.ending(execution);
    else this.#metrics.started(execution);
    this.#of(sandbox).set(execution.id, entry);
    this.#forgetOld(sandbox);
    const onEnded = (status: ExitStatus): void => {
      entry.status = status;
    };
    // Without an exit the runtime has closed, and this server ends.
    execution.wait().then(onEnded, () => {});
  }

  /** In the order of their starts. */
  list(sandbox: Sandbox): ExecutionView[] {
    this.#forgetOld(sandbox);
    return [...this.#of(sandbox).values()].map(viewOf);
  }

  #of(sandbox: Sandbox): Map<string, Known> {
    const known = this.#bySandbox.get(sandbox) ?? new Map<string, Known>();
    this.#bySandbox.set(sandbox, known);
    return known;
  }

  /** What the runtime no longer finds cannot be replayed either. */
  #forgetOld(sandbox: Sandbox): void {
    const known = this.#of(sandbox);
    for (const [id, { status }] of known) {
      if (known.size > maxKnown || (status !== null && sandbox.execution(id) === undefined)) known.delete(id);
    }
  }
}

function viewOf({ execution, command, startedAt, status }: Known): ExecutionView {
  const { id, pid, tag = null } = execution;
  return { id, pid, tag, command, startedAt: startedAt?.toISOString() ?? null, status };
}

function abridge(command: readonly string[]): string[] {
  const words: string[] = [];
  let left = commandLength;
  for (const word of command) {
    words.push(word.length > left ? `${word.slice(0, left)}…` : word);
    left -= word.length;
    if (left <= 0) break;
  }
  return words;
}
