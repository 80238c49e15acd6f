import type { DoctorCheck } from '../types.ts';

/** A check of `doctor()` with what a failure means for the user. */
export interface DoctorFinding extends DoctorCheck {
  /** What its absence costs; null when it works. */
  cost: string | null;
  /** How to get it; null when it works. */
  remedy: string | null;
}
