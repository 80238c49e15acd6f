const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** The two largest units: `3d4h`, `5m10s`, `0s`. */
export function formatDuration(ms: number): string {
  let left = Math.max(0, ms);
  const parts: string[] = [];
  for (const [name, unit] of units) {
    const count = Math.floor(left / unit);
    left -= count * unit;
    if (count > 0 || parts.length > 0) parts.push(`${count}${name}`);
  }
  return parts.slice(0, 2).join('') || '0s';
}
