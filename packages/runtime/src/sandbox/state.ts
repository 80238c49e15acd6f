import { HatcheryError } from '../errors.ts';
import type { SandboxState } from '../types.ts';

/** What happens to a sandbox. */
export type SandboxEvent =
  | 'made'
  | 'create failed'
  | 'pause asked'
  | 'frozen'
  | 'pause failed'
  | 'resume asked'
  | 'thawed'
  | 'resume failed'
  | 'stop asked'
  | 'stop done'
  | 'start asked'
  | 'start failed'
  | 'init lost'
  | 'destroy asked'
  | 'teardown done';

type Row = Readonly<Partial<Record<SandboxEvent, SandboxState>>>;

/** The one table: state x event -> next state. What is not here is refused. */
const transitions: Readonly<Record<SandboxState, Row>> = {
  creating: { made: 'running', 'create failed': 'failed' },
  running: {
    'pause asked': 'pausing',
    'stop asked': 'stopping',
    'init lost': 'destroying',
    'destroy asked': 'destroying',
  },
  pausing: { frozen: 'paused', 'pause failed': 'running' },
  paused: {
    'resume asked': 'resuming',
    'stop asked': 'stopping',
    'init lost': 'destroying',
    'destroy asked': 'destroying',
  },
  resuming: { thawed: 'running', 'resume failed': 'paused' },
  // A root on disk outlives its init: what was lost is stopped, not destroyed.
  stopping: { 'stop done': 'stopped', 'destroy asked': 'destroying', 'stop asked': 'stopping' },
  stopped: { 'start asked': 'starting', 'destroy asked': 'destroying' },
  starting: { made: 'running', 'start failed': 'failed' },
  failed: { 'start asked': 'starting', 'destroy asked': 'destroying' },
  destroying: { 'teardown done': 'destroyed', 'destroy asked': 'destroying' },
  destroyed: {},
};

/** Where an event leads, from wherever it is possible: for the text of a refusal. */
function goalsOf(event: SandboxEvent): string {
  const goals = Object.values(transitions).flatMap((row) => row[event] ?? []);
  return [...new Set(goals)].join(' or ');
}

/** The state of one sandbox; only its owner holds this object, everybody else reads `sandbox.state`. */
export class StateCell {
  readonly #id: string;
  #state: SandboxState;
  #since = new Date();

  /** @param state other than `creating` for one that was found: adopted, or stopped before */
  constructor(id: string, state: SandboxState = 'creating') {
    this.#id = id;
    this.#state = state;
  }

  get state(): SandboxState {
    return this.#state;
  }

  get since(): Date {
    return this.#since;
  }

  /** Moves on and returns the new state. Throws ERR_SANDBOX_STATE naming both states and what is possible. */
  apply(event: SandboxEvent): SandboxState {
    const possible = transitions[this.#state];
    const next = possible[event];
    if (next === undefined) {
      const ways = Object.entries(possible).map(([name, to]) => `${name} -> ${to}`);
      const text = `sandbox ${this.#id}: "${event}" cannot lead from ${this.#state} to ${goalsOf(event)}; from there only ${ways.length === 0 ? 'nothing' : ways.join(', ')} is possible`;
      throw new HatcheryError('ERR_SANDBOX_STATE', text);
    }
    this.#state = next;
    this.#since = new Date();
    return next;
  }

  can(event: SandboxEvent): boolean {
    return transitions[this.#state][event] !== undefined;
  }

  /** Throws ERR_SANDBOX_STATE naming both states unless the sandbox is in one of `wanted`. */
  require(wanted: SandboxState | readonly SandboxState[], what: string, advice = 'create another one'): void {
    const list: readonly SandboxState[] = typeof wanted === 'string' ? [wanted] : wanted;
    if (list.includes(this.#state)) return;
    const remedy = this.#state === 'paused' && list.includes('running') ? 'resume it first' : advice;
    const text = `${what} in sandbox ${this.#id}: it is ${this.#state}, not ${list.join(' or ')}; ${remedy}`;
    throw new HatcheryError('ERR_SANDBOX_STATE', text);
  }
}
