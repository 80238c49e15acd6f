import { expect, test } from 'vitest';
import { type SandboxEvent, StateCell } from '../src/sandbox/state.ts';
import type { SandboxState } from '../src/types.ts';
import { thrownBy } from './thrown-by.ts';

const events: readonly SandboxEvent[] = ['made', 'create failed', 'destroy asked', 'init lost', 'teardown done'];

/** What leads to each state that this version knows, and where each event leads from it. */
const table: Readonly<
  Partial<Record<SandboxState, { by: readonly SandboxEvent[]; to: Partial<Record<SandboxEvent, SandboxState>> }>>
> = {
  creating: { by: [], to: { made: 'running', 'create failed': 'failed' } },
  running: { by: ['made'], to: { 'destroy asked': 'destroying', 'init lost': 'destroying' } },
  failed: { by: ['create failed'], to: { 'destroy asked': 'destroying' } },
  destroying: { by: ['made', 'destroy asked'], to: { 'teardown done': 'destroyed' } },
  destroyed: { by: ['made', 'init lost', 'teardown done'], to: {} },
};

/** Where an event leads at all, so that a refusal can be asked for its name. */
const goals: Readonly<Record<SandboxEvent, SandboxState>> = {
  made: 'running',
  'create failed': 'failed',
  'destroy asked': 'destroying',
  'init lost': 'destroying',
  'teardown done': 'destroyed',
};

function cellIn(state: SandboxState): StateCell {
  const cell = new StateCell('s1');
  for (const event of table[state]?.by ?? []) cell.apply(event);
  expect(cell.state).toBe(state);
  return cell;
}

for (const [state, { to }] of Object.entries(table) as [
  SandboxState,
  { to: Partial<Record<SandboxEvent, SandboxState>> },
][]) {
  for (const event of events) {
    const next = to[event];
    // Mutation: `made: 'running'` added to `destroying`.
    if (next === undefined) {
      test(`inv-31: "${event}" in state ${state} is refused with both states' names and changes nothing`, () => {
        const cell = cellIn(state);
        const refusal = thrownBy(() => cell.apply(event));
        expect(refusal).toMatchObject({ code: 'ERR_SANDBOX_STATE' });
        expect(String(refusal)).toMatch(new RegExp(`from ${state} to ${goals[event]}\\b`));
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
