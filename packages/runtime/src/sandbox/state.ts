import { HatcheryError } from '../errors.ts';
import type { SandboxState } from '../types.ts';

/** What happens to a sandbox. */
export type SandboxEvent = 'made' | 'create failed' | 'destroy asked' | 'init lost' | 'teardown done';

/** The one table: state x event -> next state. What is not here is refused. */
const transitions: Readonly<Partial<Record<SandboxState, Readonly<Partial<Record<SandboxEvent, SandboxState>>>>>> = {
  creating: { made: 'running', 'create failed': 'failed' },
  running: { 'destroy asked': 'destroying', 'init lost': 'destroying' },
  failed: { 'destroy asked': 'destroying' },
  destroying: { 'teardown done': 'destroyed' },
};

/** Where an event leads, from wherever it is possible: for the text of a refusal. */
function goalsOf(event: SandboxEvent): string {
  const goals = Object.values(transitions).flatMap((row) => row[event] ?? []);
  return [...new Set(goals)].join(' or ');
}

/** The state of one sandbox; only its owner holds this object, everybody else reads `sandbox.state`. */
export class StateCell {
  readonly #id: string;
  #state: SandboxState = 'creating';

  constructor(id: string) {
    this.#id = id;
  }

  get state(): SandboxState {
    return this.#state;
  }

  /** Moves on and returns the new state. Throws ERR_SANDBOX_STATE naming both states and what is possible. */
  apply(event: SandboxEvent): SandboxState {
    const possible = transitions[this.#state] ?? {};
    const next = possible[event];
    if (next === undefined) {
      const ways = Object.entries(possible).map(([name, to]) => `${name} -> ${to}`);
      const text = `sandbox ${this.#id}: "${event}" cannot lead from ${this.#state} to ${goalsOf(event)}; from there only ${ways.length === 0 ? 'nothing' : ways.join(', ')} is possible`;
      throw new HatcheryError('ERR_SANDBOX_STATE', text);
    }
    this.#state = next;
    return next;
  }

  /** Throws ERR_SANDBOX_STATE naming both states unless the sandbox is in `wanted`. */
  require(wanted: SandboxState, what: string): void {
    if (this.#state === wanted) return;
    const text = `${what} in sandbox ${this.#id}: it is ${this.#state}, not ${wanted}; create another one`;
    throw new HatcheryError('ERR_SANDBOX_STATE', text);
  }
}
