/** For commands that work on a server's files and need no server: they look where it would with the same variables. */
export const dataDirectoryFlag = [
  '--data-directory <dir>',
  'of the server (default: HATCHERY_DATA_DIRECTORY, or /var/lib/hatchery)',
] as const;

export const runDirectoryFlag = [
  '--run-directory <dir>',
  'of the server, where sandboxes are looked for (default: HATCHERY_RUN_DIRECTORY, or /run/hatchery)',
] as const;

/** What outlives a reboot. */
export function dataDirectoryOf({ dataDirectory }: { readonly dataDirectory?: string }): string {
  return dataDirectory ?? variable('HATCHERY_DATA_DIRECTORY') ?? '/var/lib/hatchery';
}

/** Live state. */
export function runDirectoryOf({ runDirectory }: { readonly runDirectory?: string }): string {
  return runDirectory ?? variable('HATCHERY_RUN_DIRECTORY') ?? '/run/hatchery';
}

/** An empty one is none, as for the settings of `serve`. */
function variable(name: string): string | undefined {
  const value = process.env[name];
  return value === '' ? undefined : value;
}
