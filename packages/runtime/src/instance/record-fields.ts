import { isIPv4 } from 'node:net';
import type { SlotPlace } from '@hatchery/network';
import type { RecordHead } from './record-head.ts';
import { lowestId, rangeSize } from './uid-ranges.ts';

/** A wrong one would remove or chown what belongs to the host. */
function isRangeStart(id: unknown): boolean {
  return (
    Number.isSafeInteger(id) && Number(id) >= lowestId && Number(id) <= 0x7fff_0000 && Number(id) % rangeSize === 0
  );
}

/** Pids 0, 1 and negative ones are never anybody's init, and must never be signalled. */
function isInit(init: RecordHead['init'] | undefined): boolean {
  return (
    init === null || (Number.isSafeInteger(init?.pid) && Number(init?.pid) > 1 && /^\d+$/.test(init?.startTime ?? ''))
  );
}

/** Whether the slot is this instance's is for the network to say. */
export function isSlotOrNull(slot: unknown): slot is SlotPlace | null {
  if (slot === null) return true;
  const { id = '', interfaceName, address, gateway } = (slot ?? {}) as Partial<SlotPlace>;
  const isNamed = /^([0-9a-f]{16})?$/.test(id) && /^[a-z0-9]{1,15}$/.test(String(interfaceName));
  return isNamed && isIPv4(String(address)) && isIPv4(String(gateway));
}

/** What a record of any version tells of whose it is. */
interface RecordIdentity {
  readonly id: string;
  readonly lifecycleId: string;
  readonly bootId: string;
  /** 64 hex digits. */
  readonly token: string;
  readonly firstId: number;
  readonly init: RecordHead['init'];
  readonly createdAt: string;
  readonly spec: object;
}

export function hasIdentity(record: Partial<RecordIdentity> | null, id: string): boolean {
  return (
    record?.id === id &&
    typeof record.lifecycleId === 'string' &&
    typeof record.bootId === 'string' &&
    /^[0-9a-f]{64}$/.test(record.token ?? '') &&
    isRangeStart(record.firstId) &&
    isInit(record.init) &&
    typeof record.createdAt === 'string' &&
    typeof record.spec === 'object' &&
    record.spec !== null
  );
}
