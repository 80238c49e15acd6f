import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packageDirectory = fileURLToPath(new URL('..', import.meta.url));

/** How a program ends and what it prints until then; fails when it does not end. Inside the package, to find it by name. */
export function outputOf(program: string): { readonly status: number; readonly lines: readonly string[] } {
  const directory = mkdtempSync(join(packageDirectory, 'test/program-'));
  try {
    const file = join(directory, 'program.ts');
    writeFileSync(file, program);
    const { status, stdout, stderr, signal } = spawnSync(process.execPath, ['--conditions=@hatchery/source', file], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    if (status === null || stderr !== '') throw new Error(`ended by ${signal ?? status}: ${stdout}${stderr}`);
    return { status, lines: stdout.trimEnd().split('\n') };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
