import { checkEntry } from './check-catalog.ts';
import type { DoctorFinding } from './finding.ts';

/** The finding of a check that works. */
export function working(name: string, detail: string): DoctorFinding {
  return { name, ok: true, detail, needed: checkEntry(name).needed, cost: null, remedy: null };
}

/** The finding of a check that does not. */
export function missing(name: string, detail: string): DoctorFinding {
  const { needed, cost, remedy } = checkEntry(name);
  return { name, ok: false, detail, needed, cost, remedy };
}

/** The finding of an act that throws when the check fails and returns what was seen when it works. */
export async function tryOut(name: string, act: () => string | Promise<string>): Promise<DoctorFinding> {
  try {
    return working(name, await act());
  } catch (error) {
    return missing(name, error instanceof Error ? error.message : String(error));
  }
}
