import { missingCapabilities } from '../open/capabilities.ts';
import type { DoctorFinding } from './finding.ts';
import { missing, working } from './make-finding.ts';

/** What `Runtime.open()` refuses to go without. */
export function checkCapabilities(): DoctorFinding {
  const uid = process.geteuid?.();
  const lacks = missingCapabilities();
  if (lacks.length > 0) return missing('capabilities', `uid ${uid} lacks ${lacks.join(', ')}`);
  return working('capabilities', `uid ${uid} has what sandboxes take`);
}
