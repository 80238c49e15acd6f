import type { OperationName, Temperature } from './operations/operation.ts';
import type { PayloadName } from './payload.ts';
import { type Cell, findRow, type Results } from './results.ts';

interface Target {
  readonly operation: OperationName;
  readonly temperature: Temperature;
  readonly payloads: readonly PayloadName[];
  readonly against: string;
  /** `at-most`: hatchery takes no more than `factor` times as long; `faster`: it is at least `factor` times as fast. */
  readonly kind: 'at-most' | 'faster';
  readonly factor: number;
}

const both: readonly PayloadName[] = ['tiny', 'busybox'];
const byte: readonly PayloadName[] = ['byte'];
const real: readonly PayloadName[] = ['busybox'];

/** Of medians, side by side in one run: these machines are too noisy for absolute figures. */
const targets: readonly Target[] = [
  {
    operation: 'pool-first-byte',
    temperature: 'hot',
    payloads: byte,
    against: 'raw-lean',
    kind: 'at-most',
    factor: 1.3,
  },
  {
    operation: 'pool-first-byte',
    temperature: 'cold',
    payloads: byte,
    against: 'raw-lean',
    kind: 'at-most',
    factor: 1.3,
  },
  {
    operation: 'create-to-exit',
    temperature: 'hot',
    payloads: both,
    against: 'raw-lean',
    kind: 'at-most',
    factor: 1.4,
  },
  {
    operation: 'create-to-exit',
    temperature: 'cold',
    payloads: both,
    against: 'raw-lean',
    kind: 'at-most',
    factor: 1.4,
  },
  { operation: 'create-to-exit', temperature: 'hot', payloads: real, against: 'bwrap', kind: 'faster', factor: 3 },
  { operation: 'create-to-exit', temperature: 'hot', payloads: real, against: 'crun', kind: 'faster', factor: 11 },
  { operation: 'exec', temperature: 'hot', payloads: both, against: 'raw-lean', kind: 'at-most', factor: 1.3 },
  { operation: 'exec', temperature: 'cold', payloads: both, against: 'raw-lean', kind: 'at-most', factor: 1.3 },
  { operation: 'exec', temperature: 'hot', payloads: real, against: 'nsenter', kind: 'faster', factor: 3 },
  { operation: 'exec', temperature: 'hot', payloads: real, against: 'crun', kind: 'faster', factor: 8 },
  { operation: 'exec', temperature: 'cold', payloads: real, against: 'crun', kind: 'faster', factor: 16 },
  { operation: 'destroy', temperature: 'hot', payloads: ['none'], against: 'raw-lean', kind: 'at-most', factor: 1.5 },
  { operation: 'burst', temperature: 'hot', payloads: both, against: 'raw-lean', kind: 'at-most', factor: 1.5 },
  { operation: 'pool-burst', temperature: 'hot', payloads: both, against: 'raw-lean', kind: 'at-most', factor: 1.5 },
  // 0.8 of its rate; with a network namespace of each one's own, as here.
  { operation: 'cycles', temperature: 'hot', payloads: both, against: 'raw-fresh-net', kind: 'at-most', factor: 1.25 },
];

export interface Verdict extends Cell {
  readonly target: string;
  /** As measured; null when one of the two did not run. */
  readonly ratio: number | null;
  readonly verdict: string;
}

function describe(target: Target): string {
  return target.kind === 'at-most'
    ? `≤ ${target.factor} × ${target.against}`
    : `≥ ${target.factor} × faster than ${target.against}`;
}

function judgeOne(results: Results, target: Target, payload: PayloadName): Verdict {
  const cell = { operation: target.operation, payload, temperature: target.temperature };
  const ours = findRow(results, cell, 'hatchery')?.summary?.medianMs;
  const theirs = findRow(results, cell, target.against)?.summary?.medianMs;
  const named = { ...cell, target: describe(target) };
  if (ours === undefined) return { ...named, ratio: null, verdict: 'hatchery has no figure' };
  if (theirs === undefined) return { ...named, ratio: null, verdict: `${target.against} has no figure` };
  const ratio = target.kind === 'at-most' ? ours / theirs : theirs / ours;
  const excess = target.kind === 'at-most' ? ratio / target.factor : target.factor / ratio;
  return { ...named, ratio, verdict: excess <= 1 ? 'pass' : `misses by ${Math.ceil((excess - 1) * 100)} %` };
}

/** Every target whose operation was part of the run. */
export function judge(results: Results): Verdict[] {
  return targets
    .filter((target) => results.rows.some((row) => row.operation === target.operation))
    .flatMap((target) => target.payloads.map((payload) => judgeOne(results, target, payload)));
}
