import { getSystemErrorMap } from 'node:util';
import type { DoctorFinding } from './finding.ts';
import { missing, working } from './make-finding.ts';

interface ProbeLine {
  name: string;
  ok: boolean;
  errno: number;
  detail: string;
}

/** One line of the shim's mode `probe` as a finding. @throws SyntaxError or TypeError when it is none. */
export function parseProbeLine(line: string): DoctorFinding {
  const value: unknown = JSON.parse(line);
  if (!isProbeLine(value)) throw new TypeError(`not a probe's result: ${line}`);
  if (value.ok) return working(value.name, value.detail);
  return missing(value.name, value.errno === 0 ? value.detail : `${value.detail}: ${describeErrno(value.errno)}`);
}

function isProbeLine(value: unknown): value is ProbeLine {
  if (typeof value !== 'object' || value === null) return false;
  const line = value as Partial<Record<keyof ProbeLine, unknown>>;
  return (
    typeof line.name === 'string' &&
    typeof line.ok === 'boolean' &&
    typeof line.errno === 'number' &&
    typeof line.detail === 'string'
  );
}

function describeErrno(errno: number): string {
  const known = getSystemErrorMap().get(-errno);
  return known === undefined ? `errno ${errno}` : `${known[0]}, ${known[1]}`;
}
