import { expect, test } from 'vitest';
import { type SandboxEvent, StateCell } from '../src/sandbox/state.ts';
import type { SandboxState } from '../src/types.ts';
import { thrownBy } from './thrown-by.ts';

/** Where each event leads from each state, told once more by hand: a change of the table has to be meant. */
const table: Readonly<Record<SandboxState, Partial<Record<SandboxEvent, SandboxState>>>> = {
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
  stopping: { 'stop done': 'stopped', 'stop asked': 'stopping', 'destroy asked': 'destroying' },
  stopped: { 'start asked': 'starting', 'destroy asked': 'destroying' },
  starting: { made: 'running', 'start failed': 'failed' },
  failed: { 'start asked': 'starting', 'destroy asked': 'destroying' },
  destroying: { 'teardown done': 'destroyed', 'destroy asked': 'destroying' },
  destroyed: {},
};

const events = [...new Set(Object.values(table).flatMap((row) => Object.keys(row)))] as SandboxEvent[];

/** Where an event leads at all: what a refusal of it names. */
function goalsOf(event: SandboxEvent): string {
  return [...new Set(Object.values(table).flatMap((row) => row[event] ?? []))].join(' or ');
}

function cellIn(state: SandboxState): StateCell {
  return new StateCell('s1', state);
}

for (const [state, to] of Object.entries(table) as [SandboxState, Partial<Record<SandboxEvent, SandboxState>>][]) {
  for (const event of events) {
    const next = to[event];
    // Mutation: `made: 'running'` added to `destroying`.
    if (next === undefined) {
      test(`inv-31: "${event}" in state ${state} is refused with both states' names and changes nothing`, () => {
        const cell = cellIn(state);
        const refusal = thrownBy(() => cell.apply(event));
        expect(refusal).toMatchObject({ code: 'ERR_SANDBOX_STATE' });
        expect(String(refusal)).toMatch(new RegExp(`from ${state} to ${goalsOf(event)}[;,]`));
        expect(cell.state).toBe(state);
      });
    } else {
      test(`inv-31: "${event}" leads from ${state} to ${next}`, () => {
        expect(cellIn(state).apply(event)).toBe(next);
      });
    }
  }
}

test('inv-31: what needs another state is refused with both names', () => {
  const refusal = thrownBy(() => cellIn('destroying').require('running', 'exec'));
  expect(refusal).toMatchObject({ code: 'ERR_SANDBOX_STATE' });
  expect(String(refusal)).toMatch(/exec.*it is destroying, not running/);
});

test('a new sandbox is being created', () => {
  expect(new StateCell('s1').state).toBe('creating');
});

test('of a paused one a call that needs a running one says to resume it', () => {
  expect(String(thrownBy(() => cellIn('paused').require('running', 'exec')))).toContain('resume it first');
});
