/** What init tells a later runner of an execution, in the words of the one that started it. At most 512 bytes. */
export interface ExecutionLabel {
  readonly id: string;
  readonly tag: string | undefined;
  /** When its tree is ended, on CLOCK_MONOTONIC in milliseconds; null: never. */
  readonly deadlineMs: number | null;
  readonly killGraceMs: number;
  readonly lingerMs: number | null;
  /** OOM kills that the sandbox's cgroup counted before the start; null: nothing counts. */
  readonly oomKillsBefore: number | null;
}

/** Bytes of a `tag`: what fits into a label whatever it is made of. */
export const maxTagBytes = 192;

/** An array, and the tag as base64: the length is bounded by what goes in. */
export function encodeLabel(label: ExecutionLabel): Buffer {
  const { id, tag, deadlineMs, killGraceMs, lingerMs, oomKillsBefore } = label;
  const coded = tag === undefined ? null : Buffer.from(tag).toString('base64');
  return Buffer.from(JSON.stringify([1, id, coded, deadlineMs, killGraceMs, lingerMs, oomKillsBefore]));
}

/** null: there is none (an earlier build wrote none), or it is not one that this build knows. */
export function decodeLabel(bytes: Uint8Array): ExecutionLabel | null {
  let fields: unknown;
  try {
    fields = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return null;
  }
  if (!Array.isArray(fields)) return null;
  const [version, id, coded, deadlineMs, killGraceMs, lingerMs, oomKillsBefore] = fields as unknown[];
  const isKnown =
    version === 1 &&
    typeof id === 'string' &&
    (coded === null || typeof coded === 'string') &&
    isNumberOrNull(deadlineMs) &&
    typeof killGraceMs === 'number' &&
    isNumberOrNull(lingerMs) &&
    isNumberOrNull(oomKillsBefore);
  if (!isKnown) return null;
  const tag = coded === null ? undefined : Buffer.from(coded, 'base64').toString();
  return { id, tag, deadlineMs, killGraceMs, lingerMs, oomKillsBefore };
}

function isNumberOrNull(value: unknown): value is number | null {
  return value === null || typeof value === 'number';
}
