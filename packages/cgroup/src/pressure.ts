/** How much of a time span processes stood still for want of a resource: percent of the last 10, 60 and 300 s. */
export interface PressureShare {
  /** Percent of the last 10 s. */
  readonly avg10: number;
  /** Percent of the last 60 s. */
  readonly avg60: number;
  /** Percent of the last 300 s. */
  readonly avg300: number;
  /** Since the group was made. */
  readonly totalMs: number;
}

/** Pressure stall information of one resource. */
export interface Pressure {
  /** At least one process waited. */
  readonly some: PressureShare;
  /** All of them did. Undefined where the kernel does not tell (cpu, before Linux 5.13). */
  readonly full: PressureShare | undefined;
}

/** Parses `cpu.pressure` and its like. Undefined when it is none. */
export function parsePressure(text: string): Pressure | undefined {
  const some = parseShare(text, 'some');
  return some === undefined ? undefined : { some, full: parseShare(text, 'full') };
}

function parseShare(text: string, kind: 'some' | 'full'): PressureShare | undefined {
  const line = new RegExp(String.raw`^${kind} avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+) total=(\d+)$`, 'm').exec(
    text,
  );
  if (line === null) return undefined;
  const [, avg10, avg60, avg300, totalUs] = line;
  return { avg10: Number(avg10), avg60: Number(avg60), avg300: Number(avg300), totalMs: Number(totalUs) / 1000 };
}
