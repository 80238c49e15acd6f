const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Three digits at most behind which a unit of 1024s stands: `512B`, `1.5MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)}${units[unit]}`;
}
