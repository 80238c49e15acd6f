import { randomBytes, randomUUID } from 'node:crypto';
import { bootId, processStartTime } from '@hatchery/linux';
import type { SlotPlace } from '@hatchery/network';
import { wireVersion } from '@hatchery/zygote-ipc';
import type { RuntimeContext } from '../context.ts';
import type { SandboxRecord } from '../instance/record.ts';
import type { Lease } from '../instance/uid-ranges.ts';
import type { CompiledSpec } from '../spec/sandbox-spec.ts';
import { deadlineIn } from './expiry.ts';

/** Why something is cloned: for a sandbox that is asked for, for one that is started again, or ahead, for nobody yet. */
export type Intent =
  | { readonly state: 'intent' | 'parked' }
  /** `before` is the record of the stopped sandbox. */
  | { readonly state: 'restart'; readonly before: SandboxRecord };

/** What a sandbox is given that others may have after it. */
export interface Belonging {
  readonly lease: Lease;
  readonly slot: SlotPlace | null;
}

/** What is recorded before the clone. */
export function newRecord(
  context: RuntimeContext,
  spec: CompiledSpec,
  { lease, slot }: Belonging,
  intent: Intent,
): SandboxRecord {
  const before = intent.state === 'restart' ? intent.before : null;
  const { timeoutMs } = before?.spec ?? spec;
  return {
    version: 2,
    id: spec.id,
    lifecycleId: randomUUID(),
    bootId: bootId(),
    token: randomBytes(32).toString('hex'),
    firstId: lease.firstId,
    wireVersion,
    cgroups: context.cgroups.sandbox(spec.id).paths(),
    range: lease.path,
    root: spec.root === 'disk' ? context.disks.directoryOf(spec.id) : null,
    state: intent.state,
    init: null,
    createdAt: before?.createdAt ?? new Date().toISOString(),
    createdFrom: before?.createdFrom ?? 'demand',
    slot,
    deadline: timeoutMs === null ? null : deadlineIn(timeoutMs),
    spec: before === null ? spec : before.spec,
  };
}

/** Init's identity: its pid alone could be another's by the time somebody reads the record. */
export function initOf(pid: number): SandboxRecord['init'] {
  const startTime = processStartTime(pid);
  return startTime === null ? null : { pid, startTime: String(startTime) };
}
