import type { CompiledSpec } from '../spec/sandbox-spec.ts';
import type { SandboxRecord } from './record.ts';
import { hasIdentity } from './record-fields.ts';

/** `record.json` of the build before this one, whose sandboxes a newer runner takes over. */
interface PreviousRecord {
  readonly version: 1;
  readonly id: string;
  readonly lifecycleId: string;
  readonly bootId: string;
  readonly token: string;
  readonly firstId: number;
  readonly state: 'intent' | 'running';
  readonly init: SandboxRecord['init'];
  readonly createdAt: string;
  readonly spec: Omit<CompiledSpec, 'root' | 'volumes' | 'network' | 'timeoutMs' | 'onTimeout'>;
}

/**
 * Reads version 1. It names no directories: whoever adopts the sandbox knows its own base of cgroups and its leases, and
 * writes a whole record.
 */
export function parsePreviousRecord(text: string, id: string): SandboxRecord {
  const record = JSON.parse(text) as Partial<PreviousRecord> | null;
  const version: unknown = record?.version;
  if (version !== 1) throw new Error(`version ${JSON.stringify(version)} is not one this build knows`);
  const isWhole = hasIdentity(record, id) && (record?.state === 'intent' || record?.state === 'running');
  if (!isWhole) throw new Error('fields are missing or wrong');
  const { lifecycleId, bootId, token, firstId, state, init, createdAt, spec } = record as PreviousRecord;
  return {
    version: 2,
    id,
    lifecycleId,
    bootId,
    token,
    firstId,
    state,
    init,
    createdAt,
    createdFrom: 'demand',
    wireVersion: 1,
    cgroups: [],
    range: null,
    root: null,
    slot: null,
    deadline: null,
    spec: { ...spec, root: 'memory', volumes: [], network: null, timeoutMs: null, onTimeout: 'destroy' },
  };
}
